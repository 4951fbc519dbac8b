from collectors.decode.packet cimport mix, pair

cdef unsigned long long flow_hash(unsigned long long a, unsigned long long b, unsigned long long c,
                                  unsigned long long d, unsigned long long src, unsigned long long dst,
                                  bint tcp) noexcept nogil

cdef class Conversations:
    cdef public unsigned long long evicted
    cdef readonly int shards
    cdef object _notes
    cdef Py_ssize_t _size
    cdef Py_ssize_t _used
    cdef unsigned int[:, ::1] _given
    cdef unsigned long long[:, ::1] _key
    cdef unsigned int[:, ::1] _value
    cdef int _number(self, Py_ssize_t at, unsigned long long h, int udp) except -1 nogil
    cdef int _grow(self, Py_ssize_t row) except -1
    cdef Py_ssize_t _find(self, unsigned long long a, unsigned long long b, unsigned long long c,
                          unsigned long long d, unsigned long long e, unsigned long long h) except -1 nogil

from collectors.decode.packet cimport mix, pair

cdef unsigned long long flow_hash(unsigned long long a, unsigned long long b, unsigned long long c,
                                  unsigned long long d, unsigned long long src, unsigned long long dst,
                                  bint tcp) noexcept nogil

cdef class Conversations:
    cdef public unsigned long long evicted
    cdef public unsigned int conversations
    cdef public unsigned int datagram_conversations
    cdef object _notes
    cdef Py_ssize_t _size
    cdef Py_ssize_t _used
    cdef int _forgot
    cdef unsigned long long[:, ::1] _key
    cdef unsigned int[:, ::1] _value
    cdef int _grow(self, Py_ssize_t row) except -1
    cdef Py_ssize_t _find(self, unsigned long long a, unsigned long long b, unsigned long long c,
                          unsigned long long d, unsigned long long e, unsigned long long h) except -1 nogil

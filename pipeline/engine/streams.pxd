cdef class Streams:
    cdef public unsigned long long evicted
    cdef public unsigned int udp_streams
    cdef public unsigned int tcp_streams
    cdef Py_ssize_t _size
    cdef Py_ssize_t _used
    cdef unsigned long long[:, ::1] _key
    cdef unsigned int[:, ::1] _value
    cdef Py_ssize_t _find(self, unsigned long long a, unsigned long long b, unsigned long long c,
                          unsigned long long d, unsigned long long e) except -1 nogil
    cdef int _grow(self) except -1
    cdef object _rows(self, object columns)

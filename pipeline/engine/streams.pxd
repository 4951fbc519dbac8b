from collectors.decode.packet cimport mix, pair

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Streams:
    cdef public unsigned long long evicted
    cdef public unsigned int udp_streams
    cdef public unsigned int tcp_streams
    cdef public unsigned int conversations
    cdef public unsigned int datagram_conversations
    cdef public object conversation
    cdef public object turn
    cdef Py_ssize_t _size
    cdef Py_ssize_t _used
    cdef unsigned long long _frames
    cdef unsigned int _generation
    cdef object _announced
    cdef object _notes
    cdef unsigned long long[:, ::1] _key
    cdef unsigned int[:, ::1] _value
    cdef Py_ssize_t _find(self, unsigned long long a, unsigned long long b, unsigned long long c,
                          unsigned long long d, unsigned long long e, unsigned long long h) except -1 nogil
    cdef int _grow(self, Py_ssize_t row) except -1
    cdef long long _wild_index(self, Py_ssize_t at, int side) except -1 nogil
    cdef long long _look_up(self, Py_ssize_t at, int side) except -1
    cdef object _ends(self, Py_ssize_t at, int side)
    cdef int _hear(self, object columns, Py_ssize_t row, Py_ssize_t at, int side, bint tcp) except -1
    cdef object _rows(self, object columns)

from pipeline.engine.addresses cimport half
from pipeline.engine.conversations cimport Conversations, flow_hash

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Streams(Conversations):
    cdef public unsigned int udp_streams
    cdef public unsigned int tcp_streams
    cdef public object conversation
    cdef public object turn
    cdef unsigned long long _frames
    cdef unsigned int _generation
    cdef object _announced
    cdef long long _wild_index(self, Py_ssize_t at, int side) except -1 nogil
    cdef long long _look_up(self, Py_ssize_t at, int side) except -1
    cdef object _ends(self, Py_ssize_t at, int side)
    cdef int _hear(self, object columns, Py_ssize_t row, Py_ssize_t at, int side, bint tcp) except -1
    cdef object _rows(self, object columns)

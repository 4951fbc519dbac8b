from pipeline.engine.tcp.options cimport given_up, multipath
from pipeline.engine.tcp.rules cimport Rules

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Analysis(Rules):
    cdef int _shaken(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int flags, long long now) except -1 nogil
    cdef int _quoted(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int flags, long long now) except -1 nogil
    cdef object _rows(self, object columns, object numbers, object turns)

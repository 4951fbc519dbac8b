from pipeline.engine.tcp.options cimport given_up, multipath
from pipeline.engine.tcp.rules cimport Rules, completed

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Analysis(Rules):
    cdef object _rows(self, object columns, object numbers, object turns)

from pipeline.engine.tcp.evidence cimport Evidence
from pipeline.engine.tcp.judge cimport judge

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Causes:
    cdef public object fresh
    cdef readonly Evidence evidence
    cdef object _rows(self, object columns, object numbers, object turns)

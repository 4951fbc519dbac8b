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
    cdef int reserve(self, Py_ssize_t rows, object numbers) except -1
    cdef object rows(self, object columns, object numbers, object turns, Py_ssize_t first, Py_ssize_t last)
    cdef int tick(self, long long now) except -1

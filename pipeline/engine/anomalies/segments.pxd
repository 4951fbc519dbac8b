from pipeline.engine.anomalies.strangers cimport Strangers, after

cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Segments(Strangers):
    cdef object _rows(self, object columns, object numbers, object turns)
    cdef int _sent(self, Py_ssize_t of, Py_ssize_t side, unsigned int seq, unsigned int length) except -1 nogil
    cdef int _acknowledged(self, Py_ssize_t of, Py_ssize_t side, unsigned int ack, unsigned int widest,
                           unsigned int window, bint bare) except -1 nogil
    cdef int _vanished(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil

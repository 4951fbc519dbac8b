from pipeline.engine.flows.histograms cimport Histograms
from pipeline.engine.tcp.evidence cimport Evidence

cdef class Outbox:
    cdef public object sink
    cdef public long long rows
    cdef long long now
    cdef Histograms histograms
    cdef Evidence evidence
    cdef unsigned int[:, ::1] count
    cdef long long[:, ::1] sum
    cdef unsigned int[:, ::1] _out_count
    cdef long long[:, ::1] _out_sum
    cdef Py_ssize_t _out
    cdef int hand_out(self) except -1
    cdef int tell(self, Py_ssize_t at) except -1 nogil
    cdef int _judged(self, Py_ssize_t at) except -1 nogil

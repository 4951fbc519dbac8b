from pipeline.engine.tcp.evidence cimport Evidence
from pipeline.engine.tcp.judge cimport judge

cdef class Causes:
    cdef public object fresh
    cdef readonly Evidence evidence
    cdef object _rows(self, object columns, object numbers, object turns)

from pipeline.engine.flows.segments cimport segment
from pipeline.engine.flows.table cimport Table

cdef class Flows:
    cdef Table _table
    cdef object _rows(self, object columns, object numbers, object turns)

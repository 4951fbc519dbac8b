from pipeline.engine.tcp.rules cimport Rules

cdef class Analysis(Rules):
    cdef object _rows(self, object columns, object numbers, object turns)

from pipeline.engine.tcp.options cimport given_up, multipath
from pipeline.engine.tcp.rules cimport Rules, completed

cdef class Analysis(Rules):
    cdef object _rows(self, object columns, object numbers, object turns)

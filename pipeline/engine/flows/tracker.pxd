from pipeline.engine.flows.segments cimport segment
from pipeline.engine.flows.table cimport Table
from pipeline.engine.tcp.cause cimport Causes

cdef class Flows:
    cdef Table _table
    cdef Causes _causes
    cdef object _rows(self, object columns, object numbers, object turns, object ends)

cdef int _range(Table t, Py_ssize_t first, Py_ssize_t last, int[::1] number, unsigned char[::1] turn,
                unsigned int[::1] fresh) except -1 nogil

from pipeline.engine.exchanges.side cimport Side


cdef class Passing:
    cdef public object slots
    cdef public object table
    cdef list _free
    cdef Py_ssize_t _used
    cdef int[::1] _slots
    cdef long long[:, :, ::1] _table
    cdef _look(self)
    cpdef int arm(self, int number, int slot, Side one, Side other) except -1
    cpdef bint settle(self, int slot, Side one, Side other) except -1
    cpdef release(self, int number, int slot)
    cdef int _take(self, int number) except -1

cdef class Outlet:
    cdef public bint tells
    cdef public bint stores
    cdef public unsigned long long frame
    cdef dict _watchers
    cdef object _sink
    cdef dict _details
    cdef dict _waiting
    cpdef begin(self, columns)
    cpdef detail(self, Py_ssize_t row, str name, value)
    cpdef row(self, record, dict row)
    cpdef _hand_out(self, str name)

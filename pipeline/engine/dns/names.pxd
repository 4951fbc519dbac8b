cdef class Names:
    cdef public bytes data
    cdef public Py_ssize_t base
    cdef public Py_ssize_t after
    cdef public str odd
    cdef public dict known
    cdef dict _tails
    cdef Py_ssize_t _steps
    cpdef str read(self, Py_ssize_t at)
    cdef str _walk(self, Py_ssize_t start)

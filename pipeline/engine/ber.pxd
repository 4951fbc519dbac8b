cdef class Element:
    cdef public int tag
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end

cpdef Element element(bytes data, Py_ssize_t at, Py_ssize_t end)
cpdef list elements(bytes data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t most)
cpdef long long integer(bytes data, Element of) except? -1
cpdef str identifier(bytes data, Element of)

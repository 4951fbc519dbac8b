cdef class Look:
    cdef public int srcport
    cdef public int dstport
    cdef public Py_ssize_t size
    cdef public int side
    cdef public dict memo

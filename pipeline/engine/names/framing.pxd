cdef class Counted:
    cdef public Py_ssize_t at
    cdef public Py_ssize_t size
    cdef public long long add
    cdef public str order
    cdef public bint little
    cdef public bytes starts
    cdef public long long least
    cdef public long long most
    cdef public Py_ssize_t need

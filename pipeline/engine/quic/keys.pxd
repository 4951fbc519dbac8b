cdef class Keys:
    cdef object _aead
    cdef public object iv
    cdef public object header
    cpdef object opened(self, bytes data, Py_ssize_t begin, Py_ssize_t at, Py_ssize_t end, long long highest)

cdef long long _whole_number(long long low, int bits, long long expected) except -1

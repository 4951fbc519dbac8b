cdef int given_up(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t end, Py_ssize_t captured,
                  unsigned int ack) except -1 nogil
cdef int multipath(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t end) except -1 nogil

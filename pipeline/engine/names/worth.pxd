cdef bint is_stun(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t size) noexcept nogil
cdef bint datagram_worth(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t size) noexcept nogil
cdef bint segment_worth(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t size) noexcept nogil

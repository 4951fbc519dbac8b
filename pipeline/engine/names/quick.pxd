cdef int datagram_is(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t size, Py_ssize_t wire, int rule) noexcept nogil
cdef long long message_length(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t end, long long[:, ::1] rule, int place) noexcept nogil
cdef int session_name(const unsigned char[::1] raw, Py_ssize_t at, Py_ssize_t end) noexcept nogil
cdef bint ends_a_line(const unsigned char[::1] raw, Py_ssize_t end, Py_ssize_t size) noexcept nogil

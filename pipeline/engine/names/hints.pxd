cdef bint _starts_a_line(int a, int b) noexcept
cdef unsigned long long _bit(bint told, int bit) noexcept
cpdef unsigned long long datagram_hints(bytes data, Py_ssize_t wire) except? 0
cpdef unsigned long long segment_hints(bytes data, Py_ssize_t wire) except? 0

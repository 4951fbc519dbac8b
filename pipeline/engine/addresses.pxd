cdef unsigned long long half(unsigned char[:, :, ::1] b, Py_ssize_t slot, Py_ssize_t row, Py_ssize_t at) noexcept nogil
cdef unsigned long long turned(unsigned long long value) noexcept nogil

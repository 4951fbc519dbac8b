cdef long long u16(const unsigned char[::1] data, Py_ssize_t at, bint big) except -1 nogil
cdef long long u32(const unsigned char[::1] data, Py_ssize_t at, bint big) except -1 nogil
cdef int options_hold(const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, bint big) except -1 nogil
cdef long long epoch(
    unsigned long long ticks, unsigned long long units, unsigned long long divisor, int shift, long long offset
) noexcept nogil

cdef extern from *:
    """
    static inline unsigned int shoal_read_u32(const unsigned char *p, int big) {
        return big ? (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 | p[3]
                   : (unsigned int)p[3] << 24 | (unsigned int)p[2] << 16 | (unsigned int)p[1] << 8 | p[0];
    }
    """
    unsigned int read_u32 "shoal_read_u32"(const unsigned char *p, int big) noexcept nogil

cdef long long u16(const unsigned char[::1] data, Py_ssize_t at, bint big) except -1 nogil
cdef long long u32(const unsigned char[::1] data, Py_ssize_t at, bint big) except -1 nogil
cdef long long options_hold(const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, bint big) except -1 nogil
cdef long long epoch(
    unsigned long long ticks, unsigned long long units, unsigned long long divisor, int shift, long long offset
) noexcept nogil

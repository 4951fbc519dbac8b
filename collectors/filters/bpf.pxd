cdef unsigned int accept(
    const unsigned short[::1] code, const unsigned char[::1] jt, const unsigned char[::1] jf, const unsigned int[::1] k,
    unsigned int[::1] scratch, const unsigned char[::1] data, long long start, long long captured, unsigned int length
) except? 0xFFFFFFFE nogil

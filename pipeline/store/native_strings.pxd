cdef long long _pack(const unsigned char[::1] buffer, const long long[::1] offset,
                     const unsigned int[::1] length, unsigned char[::1] out) except -1 nogil

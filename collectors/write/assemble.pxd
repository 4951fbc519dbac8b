from libc.string cimport memcpy

cdef int copy(
    unsigned char[::1] out, long long at, const unsigned char[::1] data, long long start, long long count
) except -1 nogil
cdef int put32(unsigned char[::1] out, long long at, long long value) except -1 nogil

cimport cython


@cython.final
cdef class Tally:
    cdef readonly Py_ssize_t conversations
    cdef unsigned long long[:, ::1] _key
    cdef long long[:, ::1] _value
    cdef unsigned int[::1] _slot
    cdef int _more(self) except -1
    cdef int _more_streams(self, Py_ssize_t stream) except -1
    cdef int _more_slots(self) except -1
    cdef int _begin(self, unsigned long long a, unsigned long long b, unsigned long long c, unsigned long long d,
                    unsigned long long ends, unsigned int family, long long time) except -1 nogil
    cdef int _count(self, Py_ssize_t at, bint forth, unsigned int length, long long time) except -1 nogil
    cdef int _found(self, unsigned long long a, unsigned long long b, unsigned long long c, unsigned long long d,
                    unsigned long long ends, unsigned int family, unsigned int length, long long time) except -1 nogil
    cdef object _tcp(self, object columns, const unsigned char[::1] keep)
    cdef object _udp(self, object columns, const unsigned char[::1] keep)
    cdef object _ip(self, object columns, const unsigned char[::1] keep, unsigned int version)
    cdef object _eth(self, object columns, const unsigned char[::1] keep)

cdef class Sent:
    cdef unsigned int[:, ::1] word
    cdef long long[::1] time
    cdef unsigned int[::1] _place
    cdef Py_ssize_t _next
    cdef unsigned int flight
    cdef Py_ssize_t _slot(self, Py_ssize_t of, unsigned int seq) except -1 nogil
    cdef Py_ssize_t find(self, Py_ssize_t of, unsigned int seq, long long since) except -2 nogil
    cdef int put(self, Py_ssize_t of, unsigned int seq, unsigned int length, unsigned int tsval, unsigned int ident,
                 unsigned int checksum, unsigned int bits, long long time) except -1 nogil

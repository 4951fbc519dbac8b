cdef class Sent:
    cdef public unsigned long long evicted
    cdef unsigned int[:, ::1] word
    cdef long long[::1] time
    cdef unsigned int[:, ::1] _direction
    cdef unsigned int[::1] _place
    cdef unsigned int _free
    cdef unsigned int _room
    cdef unsigned int[::1] _listed
    cdef Py_ssize_t _remembered
    cdef unsigned int flight
    cdef Py_ssize_t row
    cdef object _notes
    cdef int _set(self, object words, object times, object directions, object places) except -1
    cdef int _list(self) except -1
    cdef int reserve(self, Py_ssize_t directions) except -1
    cdef int _grow(self) except -1
    cdef int _place_all(self) except -1 nogil
    cdef Py_ssize_t _slot(self, Py_ssize_t of, unsigned int seq) except -1 nogil
    cdef Py_ssize_t find(self, Py_ssize_t of, unsigned int seq, long long since) except -2 nogil
    cdef int _forget_oldest(self, Py_ssize_t of) except -1 nogil
    cdef int drop(self, Py_ssize_t of) except -1 nogil
    cdef int tick(self, long long now) except -1 nogil
    cdef int put(self, Py_ssize_t of, unsigned int seq, unsigned int length, unsigned int tsval, unsigned int ident,
                 unsigned int checksum, unsigned int bits, long long time) except -1 nogil

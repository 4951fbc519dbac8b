cdef extern from *:
    """
    #define shoal_prefetch(at) __builtin_prefetch(at)
    """
    void prefetch "shoal_prefetch"(const void *at) noexcept nogil

cdef class Holes:
    cdef public unsigned long long evicted
    cdef Py_ssize_t row
    cdef object _notes
    cdef long long time
    cdef unsigned int tsval
    cdef unsigned int ident
    cdef unsigned int _free
    cdef unsigned int _room
    cdef unsigned int[:, ::1] _list
    cdef unsigned int[:, ::1] _hole
    cdef long long[::1] _time
    cdef int reserve(self, Py_ssize_t count) except -1
    cdef int _forgotten(self, Py_ssize_t count) except -1
    cdef int _grow(self) except -1
    cdef unsigned int count(self, Py_ssize_t of) except? 0xFFFFFFFF nogil
    cdef int expect(self, Py_ssize_t of) except -1 nogil
    cdef int drop(self, Py_ssize_t of) except -1 nogil
    cdef unsigned int _new(self) except? 0xFFFFFFFF nogil
    cdef int _remove(self, Py_ssize_t of, unsigned int at) except -1 nogil
    cdef int open(self, Py_ssize_t of, unsigned int start, unsigned int end, unsigned int tsval, unsigned int ident,
                  long long time) except -1 nogil
    cdef int _split(self, Py_ssize_t of, unsigned int at, unsigned int start, unsigned int end) except -1 nogil
    cdef unsigned int fill(self, Py_ssize_t of, unsigned int start, unsigned int end) except? 0xFFFFFFFF nogil
    cdef unsigned int acknowledge(self, Py_ssize_t of, unsigned int ack) except? 0xFFFFFFFF nogil
    cdef unsigned int length(self, Py_ssize_t of) except? 0xFFFFFFFF nogil

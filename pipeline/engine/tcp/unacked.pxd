cdef class Unacked:
    cdef public unsigned long long evicted
    cdef Py_ssize_t row
    cdef object _notes
    cdef unsigned int acked_frame
    cdef long long acked_time
    cdef unsigned int _free
    cdef unsigned int _room
    cdef unsigned int[:, ::1] _list
    cdef unsigned int[:, ::1] _segment
    cdef long long[::1] _time
    cdef int reserve(self, Py_ssize_t lists) except -1
    cdef int _grow(self) except -1
    cdef int drop(self, Py_ssize_t of) except -1 nogil
    cdef int add(self, Py_ssize_t of, unsigned int frame, unsigned int seq, unsigned int nextseq, unsigned int base,
                 long long time) except -1 nogil
    cdef int acknowledge(self, Py_ssize_t of, unsigned int ack, unsigned int base) except -1 nogil
    cdef unsigned int eldest(self, Py_ssize_t of) except? 0xFFFFFFFF nogil
    cdef int rebase(self, Py_ssize_t of, unsigned int base) except -1 nogil
    cdef unsigned int span(self, Py_ssize_t of) except? 0xFFFFFFFF nogil
    cdef unsigned int _remove(self, Py_ssize_t of, unsigned int at) except? 0xFFFFFFFF nogil
    cdef int _measure(self, Py_ssize_t of, unsigned int base) except -1 nogil
    cdef unsigned int frame_of(self, unsigned int at) except? 0xFFFFFFFF nogil
    cdef long long time_of(self, unsigned int at) except? -1 nogil

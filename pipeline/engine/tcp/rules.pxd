from pipeline.engine.tcp.unacked cimport Unacked

cdef unsigned int completed(unsigned int complete, unsigned int flags, unsigned int length, bint creates) noexcept nogil

cdef class Rules:
    cdef Unacked _unacked
    cdef unsigned int[:, ::1] _word
    cdef long long[:, ::1] _time
    cdef int _reserve(self, Py_ssize_t conversations) except -1
    cdef int _begin(self, Py_ssize_t of) except -1 nogil
    cdef unsigned int _marks(self, Py_ssize_t of, Py_ssize_t fwd, Py_ssize_t rev, unsigned int seq, unsigned int ack,
                             unsigned int length, unsigned int flags, unsigned int window) except? 0xFFFFFFFF nogil
    cdef int _acks_unseen(self, Py_ssize_t of, Py_ssize_t rev, unsigned int ack) except -1 nogil
    cdef unsigned int _resent(self, Py_ssize_t of, Py_ssize_t fwd, Py_ssize_t rev, unsigned int seq,
                              unsigned int length, unsigned int flags, long long now) except? 0xFFFFFFFF nogil
    cdef int _sent(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int seq, unsigned int nextseq, unsigned int frame,
                   long long now) except -1 nogil
    cdef unsigned int _in_flight(self, Py_ssize_t of, Py_ssize_t fwd, Py_ssize_t rev, unsigned int length,
                                 unsigned int flags) except? 0xFFFFFFFF nogil
    cdef int _shaken(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int flags, long long now) except -1 nogil
    cdef int _quoted(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int flags, bint whole, long long now) except -1 nogil

from pipeline.engine.tcp.ranges cimport Holes
from pipeline.engine.tcp.sent cimport Sent

cdef class Causes:
    cdef public object fresh
    cdef unsigned int[:, :, ::1] counts
    cdef Holes _holes
    cdef Sent _sent
    cdef unsigned int[:, ::1] _word
    cdef long long[:, ::1] _time
    cdef int place(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef unsigned int unseen(self, Py_ssize_t of, Py_ssize_t side) except? 0xFFFFFFFF nogil
    cdef int _reserve(self, Py_ssize_t conversations) except -1
    cdef int _begin(self, Py_ssize_t of) except -1 nogil
    cdef int _forget(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef int _add(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t what, unsigned int more) except -1 nogil
    cdef int _take(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t what, unsigned int less) except -1 nogil
    cdef long long _rtt(self, Py_ssize_t of) except -1 nogil
    cdef int _near(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef unsigned int _segments(self, Py_ssize_t of, unsigned int length, unsigned int head) except? 0xFFFFFFFF nogil
    cdef bint _has(self, Py_ssize_t of, Py_ssize_t rev, unsigned int start, unsigned int end) except -1 nogil
    cdef int _answered(self, Py_ssize_t of, Py_ssize_t side, unsigned int start, unsigned int ack, unsigned int tsecr,
                       long long now) except -1 nogil
    cdef int _found_needless(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t at) except -1 nogil
    cdef int _received_twice(self, Py_ssize_t of, Py_ssize_t side, unsigned int left, unsigned int right) except -1 nogil
    cdef int _selective(self, Py_ssize_t of, Py_ssize_t side, unsigned int ack, unsigned int first_left,
                        unsigned int first_right, unsigned int second_left, unsigned int second_right,
                        int blocks) except -1 nogil
    cdef int _identified(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int ident) except -1 nogil
    cdef int _by_hole(self, Py_ssize_t of, Py_ssize_t side, unsigned int tsval, unsigned int ident,
                      long long now) except -1 nogil
    cdef int _by_earlier(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t at, unsigned int tsval, unsigned int ident,
                         unsigned int checksum, long long now) except -1 nogil
    cdef int _judge(self, Py_ssize_t of, Py_ssize_t side, unsigned int start, unsigned int end, unsigned int length,
                    unsigned int head, unsigned int flags, unsigned int tsval, unsigned int ident,
                    unsigned int checksum, long long now) except -1 nogil
    cdef long long _repeats(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef object _rows(self, object columns, object numbers, object turns)

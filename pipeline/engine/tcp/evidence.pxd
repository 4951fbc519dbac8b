from pipeline.engine.tcp.ranges cimport Holes
from pipeline.engine.tcp.sent cimport Sent

cdef class Evidence:
    cdef Holes holes
    cdef Sent sent
    cdef unsigned int[:, ::1] word
    cdef long long[:, ::1] time
    cdef unsigned int[:, :, ::1] counts
    cdef int reserve(self, Py_ssize_t conversations) except -1
    cdef int begin(self, Py_ssize_t of) except -1 nogil
    cdef int forget(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef int add(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t what, unsigned int more) except -1 nogil
    cdef int take(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t what, unsigned int less) except -1 nogil
    cdef unsigned int unseen(self, Py_ssize_t of, Py_ssize_t side) except? 0xFFFFFFFF nogil
    cdef int place(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef int near(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef long long rtt(self, Py_ssize_t of) except -1 nogil
    cdef unsigned int segments(self, Py_ssize_t of, unsigned int length, unsigned int head) except? 0xFFFFFFFF nogil
    cdef bint has(self, Py_ssize_t of, Py_ssize_t rev, unsigned int start, unsigned int end) except -1 nogil
    cdef int answered(self, Py_ssize_t of, Py_ssize_t side, unsigned int start, unsigned int ack, unsigned int tsecr,
                      long long now) except -1 nogil
    cdef int _found_needless(self, Py_ssize_t of, Py_ssize_t side, Py_ssize_t at) except -1 nogil
    cdef int _received_twice(self, Py_ssize_t of, Py_ssize_t side, unsigned int left,
                             unsigned int right) except -1 nogil
    cdef int selective(self, Py_ssize_t of, Py_ssize_t side, unsigned int ack, unsigned int first_left,
                       unsigned int first_right, unsigned int second_left, unsigned int second_right,
                       int blocks) except -1 nogil
    cdef bint overtaken(self, Py_ssize_t of, Py_ssize_t side, unsigned int tsval, unsigned int ident) except -1 nogil
    cdef int identified(self, Py_ssize_t of, Py_ssize_t fwd, unsigned int ident) except -1 nogil

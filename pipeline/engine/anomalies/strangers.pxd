cdef bint after(unsigned int a, unsigned int b) noexcept nogil
cdef bint far(int a, int b) noexcept nogil

cdef class Strangers:
    cdef public object found
    cdef unsigned int[:, ::1] _line
    cdef unsigned long long frame
    cdef long long time
    cdef Py_ssize_t row
    cdef int _keep(self, Py_ssize_t of, Py_ssize_t at) except -1 nogil
    cdef long long _since(self, Py_ssize_t of, Py_ssize_t at) noexcept nogil
    cdef int _tell(self, Py_ssize_t of, Py_ssize_t at, int kind, unsigned int more) except -1 nogil
    cdef int _another_path(self, Py_ssize_t of, Py_ssize_t side, int ttl, unsigned int seq, unsigned int length,
                           unsigned int flags) except -1 nogil
    cdef int _jumped(self, Py_ssize_t of, Py_ssize_t side) except -1 nogil
    cdef int _reset(self, Py_ssize_t of, Py_ssize_t side, int ttl, unsigned int seq) except -1 nogil
    cdef int _goes_on(self, Py_ssize_t of, Py_ssize_t side, unsigned int seq, unsigned int length,
                      unsigned int ack, unsigned int flags) except -1 nogil

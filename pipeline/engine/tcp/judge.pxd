from pipeline.engine.tcp.evidence cimport Evidence

cdef int judge(Evidence e, Py_ssize_t of, Py_ssize_t side, unsigned int start, unsigned int end, unsigned int length,
               unsigned int head, unsigned int flags, unsigned int tsval, unsigned int ident, unsigned int checksum,
               long long now) except -1 nogil
cdef int _by_hole(Evidence e, Py_ssize_t of, Py_ssize_t side, unsigned int tsval, unsigned int ident,
                  long long now) except -1 nogil
cdef int _by_earlier(Evidence e, Py_ssize_t of, Py_ssize_t side, Py_ssize_t at, unsigned int tsval, unsigned int ident,
                     unsigned int checksum, long long now) except -1 nogil
cdef long long _repeats(Evidence e, Py_ssize_t of, Py_ssize_t side) except -1 nogil

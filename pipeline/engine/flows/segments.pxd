from pipeline.engine.flows.table cimport Table, as_signed

cdef int _answer(Table t, Py_ssize_t at, int side, long long now) except -1 nogil
cdef int _connection(Table t, Py_ssize_t at, int side, unsigned int flags, unsigned int length, unsigned int seq,
                     unsigned int ack, long long now) except -1 nogil
cdef unsigned int _reset_how(Table t, Py_ssize_t at, int side, unsigned int flags, unsigned int seq) noexcept nogil
cdef int _round_trip(Table t, Py_ssize_t at, int side, long long time) except -1 nogil
cdef int segment(Table t, Py_ssize_t i, Py_ssize_t at, int side) except -1 nogil

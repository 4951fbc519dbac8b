from pipeline.engine.flows.histograms cimport Histograms

cdef class Flows:
    cdef public object sink
    cdef public long long rows
    cdef Histograms _histograms
    cdef unsigned int[:, ::1] _row
    cdef unsigned int[:, ::1] _count
    cdef long long[:, ::1] _sum
    cdef unsigned int[::1] _dirty
    cdef unsigned int[:, ::1] _out_count
    cdef long long[:, ::1] _out_sum
    cdef Py_ssize_t _used
    cdef Py_ssize_t _changed
    cdef Py_ssize_t _out
    cdef long long _tick
    cdef long long _now
    cdef int _reserve(self, Py_ssize_t rows, Py_ssize_t numbers) except -1
    cdef int _hand_out(self) except -1
    cdef int _tell(self, Py_ssize_t at) except -1 nogil
    cdef int _tell_changed(self) except -1 nogil
    cdef int _clear(self, Py_ssize_t at) except -1 nogil
    cdef int _answer(self, Py_ssize_t at, int side, long long now) except -1 nogil
    cdef int _connection(self, Py_ssize_t at, int side, unsigned int flags, unsigned int length, unsigned int nxtseq,
                         unsigned int ack, long long now) except -1 nogil
    cdef int _round_trip(self, Py_ssize_t at, int side, long long time) except -1 nogil
    cdef object _rows(self, object columns, object numbers, object turns)

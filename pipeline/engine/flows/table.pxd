from pipeline.engine.addresses cimport half
from pipeline.engine.flows.outbox cimport Outbox
from pipeline.engine.tcp.evidence cimport Evidence

cdef long long as_signed(unsigned long long value) noexcept nogil

cdef class Table(Outbox):
    cdef int[::1] marked
    cdef long long[::1] times
    cdef unsigned char[:, ::1] lane
    cdef unsigned char[:, ::1] u8
    cdef unsigned short[:, ::1] u16
    cdef unsigned int[:, ::1] u32
    cdef unsigned long long[:, ::1] u64
    cdef unsigned char[:, :, ::1] b16
    cdef unsigned int[:, ::1] _row
    cdef unsigned int[::1] _dirty
    cdef Py_ssize_t _used
    cdef Py_ssize_t _changed
    cdef int bind(self, object columns, Py_ssize_t numbers) except -1
    cdef int _reserve(self, Py_ssize_t rows, Py_ssize_t numbers) except -1
    cdef int tell_changed(self) except -1 nogil
    cdef int _forget(self) except -1 nogil
    cdef int _clear(self, Py_ssize_t at) except -1 nogil
    cdef int _begin(self, Py_ssize_t at, Py_ssize_t i, int number, int turn) except -1 nogil
    cdef int unreachable(self, Py_ssize_t i, int number) except -1 nogil
    cdef int _change(self, Py_ssize_t at) except -1 nogil
    cdef bint tells(self, int number, int turn) except -1 nogil
    cdef int tick(self, long long now) except -1 nogil
    cdef int before(self, Py_ssize_t i, int number, int turn) except -1 nogil
    cdef Py_ssize_t take_up(self, Py_ssize_t i, int number, int turn) except -1 nogil

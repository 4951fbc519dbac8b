from pipeline.engine.addresses cimport turned
from pipeline.engine.windows.ledger cimport Ledger

cdef class LedgerRows(Ledger):
    cdef object _out
    cdef Py_ssize_t _told_rows
    cdef Py_ssize_t _told_times
    cdef Py_ssize_t _told_odd
    cdef Py_ssize_t _room_rows
    cdef Py_ssize_t _room_times
    cdef Py_ssize_t _room_odd
    cdef unsigned char[:, ::1] _o_u8
    cdef unsigned short[:, ::1] _o_u16
    cdef unsigned int[:, ::1] _o_u32
    cdef unsigned long long[:, ::1] _o_u64
    cdef unsigned long long[:, :, ::1] _o_halves
    cdef int[::1] _t_offsets
    cdef unsigned char[:, ::1] _t_u8
    cdef unsigned int[:, ::1] _t_u32
    cdef int[::1] _d_offsets
    cdef unsigned char[:, ::1] _d_u8
    cdef unsigned long long[:, ::1] _d_u64
    cdef int _room(self) except -1
    cdef int _write(self, Py_ssize_t at, unsigned int tick, unsigned int passes) except -1 nogil
    cdef int tell(self, unsigned long long now, unsigned int tick, unsigned int passes) except -1

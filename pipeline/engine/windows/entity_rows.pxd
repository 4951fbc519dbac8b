from pipeline.engine.addresses cimport turned
from pipeline.engine.windows.entity_sums cimport EntitySums
from pipeline.engine.windows.sketch cimport middle_of

cdef class EntityRows(EntitySums):
    cdef public Py_ssize_t rows
    cdef object _out
    cdef Py_ssize_t _items
    cdef Py_ssize_t _room_rows
    cdef Py_ssize_t _room_items
    cdef Py_ssize_t _rows_hint
    cdef unsigned long long[::1] _begins
    cdef unsigned int[::1] _lengths
    cdef unsigned int[::1] _due
    cdef unsigned int[::1] _aside
    cdef Py_ssize_t _due_rows
    cdef Py_ssize_t _due_items
    cdef unsigned char[:, ::1] _o_u8
    cdef unsigned short[:, ::1] _o_u16
    cdef unsigned int[:, ::1] _o_u32
    cdef unsigned long long[:, ::1] _o_u64
    cdef unsigned long long[:, :, ::1] _o_halves
    cdef unsigned char[:, ::1] _o_lane
    cdef int[::1] _r_offsets
    cdef unsigned char[:, ::1] _r_u8
    cdef unsigned int[:, ::1] _r_u32
    cdef int[::1] _l_offsets
    cdef unsigned char[:, ::1] _l_u8
    cdef unsigned int[:, ::1] _l_u32
    cdef int _room(self) except -1
    cdef int _grow_due(self) except -1
    cdef bint _before(self, Py_ssize_t one, Py_ssize_t other) noexcept nogil
    cdef int _sort(self) noexcept nogil
    cdef int _write(self, Py_ssize_t at, unsigned int tick, unsigned int passes) except -1 nogil
    cdef Py_ssize_t _write_sketch(self, Py_ssize_t at, Py_ssize_t which, Py_ssize_t items, Py_ssize_t first) except -1 nogil

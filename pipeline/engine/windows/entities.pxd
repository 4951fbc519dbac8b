from collectors.decode.packet cimport mix
from pipeline.engine.addresses cimport half
from pipeline.engine.flows.histograms cimport Histograms
from pipeline.engine.windows.sketch cimport middle_of

cdef class Entities:
    cdef public Py_ssize_t live
    cdef public Py_ssize_t rows
    cdef object _out
    cdef Histograms _sketches
    cdef unsigned int[:, ::1] _count
    cdef unsigned long long[:, ::1] _sum
    cdef unsigned int[::1] _bucket
    cdef Py_ssize_t _slots_used
    cdef unsigned int _free
    cdef Py_ssize_t _items
    cdef Py_ssize_t _room_rows
    cdef Py_ssize_t _rows_hint
    cdef Py_ssize_t _items_hint
    cdef Py_ssize_t _idle
    cdef unsigned long long[::1] _begins
    cdef unsigned int[::1] _lengths
    cdef unsigned int[::1] _due
    cdef unsigned int[::1] _aside
    cdef Py_ssize_t _due_rows
    cdef Py_ssize_t _due_items
    cdef Py_ssize_t _room_items
    cdef Py_ssize_t _most
    cdef unsigned int[::1] _head
    cdef unsigned char[::1] _full
    cdef int[::1] _given
    cdef Py_ssize_t _gave
    cdef Py_ssize_t _gave_long
    cdef unsigned char[:, ::1] _u8
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _u32
    cdef unsigned long long[:, ::1] _u64
    cdef unsigned char[:, :, ::1] _b16
    cdef int[::1] _t_offsets
    cdef unsigned char[:, ::1] _t_u8
    cdef unsigned int[:, ::1] _t_u32
    cdef unsigned char[:, ::1] _o_u8
    cdef unsigned short[:, ::1] _o_u16
    cdef unsigned int[:, ::1] _o_u32
    cdef unsigned long long[:, ::1] _o_u64
    cdef unsigned char[:, :, ::1] _o_b16
    cdef unsigned char[:, ::1] _o_lane
    cdef int[::1] _r_offsets
    cdef unsigned char[:, ::1] _r_u8
    cdef unsigned int[:, ::1] _r_u32
    cdef int[::1] _l_offsets
    cdef unsigned char[:, ::1] _l_u8
    cdef unsigned int[:, ::1] _l_u32
    cdef int _grow(self) except -1
    cdef int _grow_buckets(self) except -1
    cdef int _room(self) except -1
    cdef int _grow_due(self) except -1
    cdef bint _before(self, Py_ssize_t one, Py_ssize_t other) noexcept nogil
    cdef int _sort(self) noexcept nogil
    cdef Py_ssize_t _apply(self, Py_ssize_t first, Py_ssize_t last, unsigned int window) except -1 nogil
    cdef Py_ssize_t _hash(self, unsigned int window, unsigned int what, unsigned long long a, unsigned long long b,
                          unsigned long long c, unsigned long long d) noexcept nogil
    cdef Py_ssize_t _find(self, unsigned int window, unsigned int what, unsigned long long a, unsigned long long b,
                          unsigned long long c, unsigned long long d) except -1 nogil
    cdef int _add(self, Py_ssize_t row, unsigned int window) except -1 nogil
    cdef int _add_to(self, Py_ssize_t at, Py_ssize_t row, int sent, int trips) except -1 nogil
    cdef int _fold(self, Py_ssize_t at, unsigned int into) except -1 nogil
    cdef int _sketch(self, Py_ssize_t at, Py_ssize_t which, unsigned int bucket, unsigned int count) except -1 nogil
    cdef int _write(self, Py_ssize_t at, unsigned int tick, unsigned int passes) except -1 nogil
    cdef Py_ssize_t _write_sketch(self, Py_ssize_t at, Py_ssize_t which, Py_ssize_t items, Py_ssize_t first) except -1 nogil
    cdef int _release(self, Py_ssize_t at) except -1 nogil

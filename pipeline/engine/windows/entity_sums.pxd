from pipeline.engine.addresses cimport half
from pipeline.engine.windows.entities cimport Entities

cdef class EntitySums(Entities):
    cdef int[:, ::1] _given
    cdef Py_ssize_t _gave
    cdef Py_ssize_t _gave_long
    cdef unsigned int _whole
    cdef unsigned int _sent_a
    cdef unsigned int _sent_b
    cdef unsigned char[:, ::1] _u8
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _words
    cdef unsigned long long[:, ::1] _longs
    cdef unsigned char[:, :, ::1] _b16
    cdef int[::1] _t_offsets
    cdef unsigned char[:, ::1] _t_u8
    cdef unsigned int[:, ::1] _t_u32
    cdef Py_ssize_t _apply(self, Py_ssize_t first, Py_ssize_t last, unsigned int window) except -1 nogil
    cdef int _give(self, Py_ssize_t row) except -1 nogil
    cdef int _add(self, Py_ssize_t row, unsigned int window) except -1 nogil
    cdef int _add_to(self, Py_ssize_t at, Py_ssize_t row, int sent, int trips) except -1 nogil

cdef class _Place:
    cdef int slab
    cdef Py_ssize_t slot
    cdef Py_ssize_t lane
    cdef bint signed
    cdef bint sized
    cdef Py_ssize_t most


cdef class _Cells:
    cdef unsigned char[:, :] _u8
    cdef unsigned short[:, :] _u16
    cdef unsigned int[:, :] _u32
    cdef unsigned long long[:, :] _u64
    cdef unsigned int[:, :] _code
    cdef unsigned char[:, :, :] _b16
    cdef dict _codes
    cdef Py_ssize_t base
    cdef Py_ssize_t size
    cdef int put(self, _Place place, Py_ssize_t at, object value) except -1
    cdef int put_items(self, _Place place, object values) except -1

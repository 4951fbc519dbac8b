from pipeline.engine.addresses cimport half
from pipeline.engine.fragment_pool cimport Pool

cdef class Reassembly:
    cdef public unsigned long long completed
    cdef Pool _pool
    cdef bint _ready
    cdef unsigned char[::1] _packet
    cdef long long[::1] _row
    cdef long long[::1] _start
    cdef unsigned int[::1] _size
    cdef unsigned short[::1] _linktype
    cdef Py_ssize_t _done
    cdef Py_ssize_t _filled
    cdef object _whole
    cdef int _begin(self) except -1
    cdef object _rows(self, object columns)
    cdef int _flush(self, object columns) except -1

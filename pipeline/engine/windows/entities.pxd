from collectors.decode.packet cimport mix
from pipeline.engine.flows.histograms cimport Histograms

cdef class Entities:
    cdef public Py_ssize_t live
    cdef Histograms _sketches
    cdef unsigned int[:, ::1] _count
    cdef unsigned long long[:, ::1] _sum
    cdef unsigned int[::1] _bucket
    cdef Py_ssize_t _slots_used
    cdef unsigned int _free
    cdef Py_ssize_t _most
    cdef unsigned int[::1] _head
    cdef unsigned char[::1] _full
    cdef int _grow(self) except -1
    cdef int _grow_buckets(self) except -1
    cdef Py_ssize_t _hash(self, unsigned int window, unsigned int what, unsigned long long a, unsigned long long b,
                          unsigned long long c, unsigned long long d) noexcept nogil
    cdef Py_ssize_t _find(self, unsigned int window, unsigned int what, unsigned long long a, unsigned long long b,
                          unsigned long long c, unsigned long long d) except -1 nogil
    cdef int _fold(self, Py_ssize_t at, unsigned int into) except -1 nogil
    cdef int _sketch(self, Py_ssize_t at, Py_ssize_t which, unsigned int bucket, unsigned int count) except -1 nogil
    cdef int _release(self, Py_ssize_t at) except -1 nogil

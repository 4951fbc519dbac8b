from libc.string cimport memcpy

cdef class Pool:
    cdef public unsigned long long evicted
    cdef Py_ssize_t row
    cdef object _notes
    cdef unsigned int _most_blocks
    cdef unsigned int _most_fragments
    cdef unsigned int _used
    cdef unsigned int _free_block
    cdef unsigned int _room_block
    cdef unsigned int _free
    cdef unsigned int _room
    cdef unsigned int _waiting
    cdef bint _overlaps
    cdef unsigned long long _overlapped
    cdef unsigned int _oldest
    cdef unsigned int _newest
    cdef unsigned char[::1] _byte
    cdef unsigned int[:, ::1] _block
    cdef unsigned int[:, ::1] _word
    cdef unsigned long long[:, ::1] _key
    cdef unsigned int[::1] _bucket
    cdef unsigned char[::1] _zeros
    cdef int reserve(self) except -1
    cdef int _gave_up(self) except -1
    cdef int _came_twice(self) except -1
    cdef int _flood(self) except -1
    cdef int _grow(self) except -1
    cdef int _grow_blocks(self) except -1
    cdef unsigned int _take_block(self) except? 0 nogil
    cdef int drop(self, unsigned int of) except -1 nogil
    cdef unsigned int find(self, unsigned long long a, unsigned long long b, unsigned long long c,
                           unsigned long long d, unsigned long long e) except? 0 nogil
    cdef int _cover(self, unsigned int of, unsigned int begin, unsigned int end) except -1 nogil
    cdef int add(self, unsigned int of, const unsigned char[::1] raw, Py_ssize_t start, unsigned int offset,
                 unsigned int size, bint more) except -1 nogil
    cdef int assemble(self, unsigned int of, unsigned char[::1] to, Py_ssize_t at) except -1 nogil
    cdef unsigned int total(self, unsigned int of) except? 0xFFFFFFFF nogil

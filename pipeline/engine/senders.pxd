cdef class Senders:
    cdef object _notes
    cdef long long _since
    cdef Py_ssize_t _used
    cdef Py_ssize_t _fresh
    cdef unsigned long long _flooded
    cdef unsigned long long _forgotten
    cdef unsigned long long[:, ::1] _slot
    cdef object _rows(self, object columns)
    cdef Py_ssize_t _find(self, unsigned long long sender) except -1 nogil

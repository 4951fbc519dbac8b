cdef class Side:
    cdef public long long at
    cdef public list parts
    cdef public Py_ssize_t have
    cdef public long long skip
    cdef public list held
    cdef public long long held_bytes
    cdef public long long since
    cdef public long long acked
    cdef public long long fin
    cdef public bint closed
    cpdef begin(self, long long sequence)
    cpdef long long place(self, long long sequence) except? -1
    cpdef bytes waiting(self)
    cpdef drop(self)
    cpdef hold(self, long long start, long long stop, bytes data)
    cpdef release(self)
    cpdef bint too_much(self) except -1

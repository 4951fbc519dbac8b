cdef class Minutes:
    cdef public long long now
    cdef long long _end
    cdef bint _quiet

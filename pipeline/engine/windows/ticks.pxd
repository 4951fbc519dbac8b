cdef class WindowTicks:
    cdef public long long now
    cdef public long long number
    cdef public long long passes
    cdef long long _base

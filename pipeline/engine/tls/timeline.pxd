cdef class Timeline:
    cdef public dict row

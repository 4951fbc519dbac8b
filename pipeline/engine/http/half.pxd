from pipeline.engine.http.message cimport Message


cdef class Half:
    cdef public dict base
    cdef public unsigned long long blank_frame
    cdef public Py_ssize_t blanks
    cdef public long long body
    cdef public bint broken
    cdef public bint early
    cdef public unsigned long long first_frame
    cdef public long long first_time
    cdef public unsigned long long head_frame
    cdef public Py_ssize_t interim
    cdef public Py_ssize_t junk
    cdef public bint lined
    cdef public Message message
    cdef public long long missing
    cdef public int mode
    cdef public bytes partial
    cdef public unsigned long long partial_frame
    cdef public bint told
    cdef public bint whole
    cpdef reset(self)

from pipeline.engine.tls.timeline cimport Timeline

cdef class Session:
    cdef public object key
    cdef public bint quiet
    cdef public bint tells
    cdef public int version
    cdef public list ccs
    cdef public Timeline timeline
    cdef public bint told
    cdef int _client
    cdef list _finished
    cdef bint _closed
    cdef bint _lost
    cdef object _out
    cdef object _certificates
    cdef object _home

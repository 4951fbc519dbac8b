from pipeline.engine.tls.session cimport Session

cdef class Messages:
    cdef Session _session
    cdef list _parts
    cdef list _have
    cdef list _size

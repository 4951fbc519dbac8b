from pipeline.engine.dns.names cimport Names

cdef class Message:
    cdef public Names names
    cdef public Py_ssize_t ident
    cdef public Py_ssize_t flags
    cdef public tuple counts
    cdef public list questions
    cdef public list records
    cdef public Py_ssize_t answered
    cdef public str fault

cpdef Message read_message(bytes data, Py_ssize_t base=*)

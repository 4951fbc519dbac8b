from pipeline.engine.dns.names cimport Names

cpdef str data_text(Names names, Py_ssize_t kind, Py_ssize_t at, Py_ssize_t length)
cdef _within(Names names, Py_ssize_t at, Py_ssize_t end)

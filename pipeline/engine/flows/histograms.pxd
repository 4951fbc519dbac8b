from pipeline.engine.windows.sketch cimport bucket_of, middle_of

cdef class Histograms:
    cdef public unsigned long long refused
    cdef public unsigned int used
    cdef Py_ssize_t row
    cdef object _notes
    cdef unsigned int _free
    cdef unsigned int _most
    cdef unsigned int[:, ::1] bucket
    cdef int reserve(self) except -1
    cdef unsigned int take(self) except? 0 nogil
    cdef int give(self, unsigned int at) except -1 nogil
    cdef int add(self, unsigned int at, long long time) except -1 nogil
    cdef long long quantile(self, unsigned int at, unsigned int samples, unsigned int percent) except -1 nogil

cdef Py_ssize_t bucket_of(long long time) noexcept nogil
cdef long long middle_of(Py_ssize_t bucket) noexcept nogil

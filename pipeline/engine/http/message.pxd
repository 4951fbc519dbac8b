cdef class Message:
    cdef public int kind
    cdef public tuple line
    cdef public Py_ssize_t head
    cdef public int code
    cdef public list fields
    cdef public long long length
    cdef public bint chunked
    cdef public bint counted
    cdef public Py_ssize_t shown
    cpdef bytes get(self, str name)
    cpdef bint carries_dns(self) except -1


cpdef int kind_of(bytes data) except -2
cpdef Py_ssize_t end_of_head(bytes data) except -2
cpdef Message parse(bytes data, Py_ssize_t end)
cdef list _lines(bytes head)
cdef _take_field(Message message, str field, bytes value)

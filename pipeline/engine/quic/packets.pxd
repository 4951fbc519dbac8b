cdef class Header:
    cdef public int kind
    cdef public unsigned int version
    cdef public bytes dcid
    cdef public bytes scid
    cdef public Py_ssize_t begin
    cdef public Py_ssize_t payload
    cdef public Py_ssize_t end

cpdef bint is_long(bytes data) except -1
cdef Py_ssize_t past_varint(bytes data, Py_ssize_t at, Py_ssize_t end) except -2
cdef long long varint(bytes data, Py_ssize_t at, Py_ssize_t after) except -1
cdef long long number(bytes data, Py_ssize_t at, Py_ssize_t size) except -1
cpdef list headers(bytes data)
cdef Header _header(bytes data, Py_ssize_t at)
cpdef list crypto(bytes payload, bint google=*)
cdef Py_ssize_t _past_padding(bytes payload, Py_ssize_t at, Py_ssize_t end) except -2
cdef Py_ssize_t _past_ack(bytes payload, Py_ssize_t at, Py_ssize_t end, bint counts) except -2
cdef Py_ssize_t _past_google_ack(bytes payload, Py_ssize_t at, Py_ssize_t end) except -2

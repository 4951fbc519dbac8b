cdef class Hello:
    cdef public int version
    cdef public bytes random
    cdef public bytes session
    cdef public list ciphers
    cdef public list extensions
    cdef public list names
    cdef public list alpn
    cdef public list groups
    cdef public list formats
    cdef public list signatures
    cdef public list versions
    cdef public list key_shares
    cdef public int ticket
    cdef public bint psk
    cdef public bint early_data
    cdef public bint status
    cdef public bint retry
    cdef public bint ssl2
    cdef public bytes quic

cdef int _u16(bytes data, Py_ssize_t at) except -1
cdef list _numbers(bytes data, Py_ssize_t at, Py_ssize_t end)
cpdef Hello client_hello(bytes data, Py_ssize_t at, Py_ssize_t end)
cpdef Hello server_hello(bytes data, Py_ssize_t at, Py_ssize_t end)
cdef object _extensions(Hello hello, bytes data, Py_ssize_t at, Py_ssize_t end, bint from_server)
cdef object _key_shares(Hello hello, bytes data, Py_ssize_t at, Py_ssize_t end, bint from_server)

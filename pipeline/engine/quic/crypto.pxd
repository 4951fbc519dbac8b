cdef class CryptoStream:
    cdef bytearray _bytes
    cdef Py_ssize_t _done
    cdef list _pieces
    cpdef add(self, long long offset, bytes data)
    cdef _fill(self)
    cpdef list messages(self)

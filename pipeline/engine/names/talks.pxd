cdef class Talks:
    cdef public unsigned long long forgotten
    cdef object _notes
    cdef Py_ssize_t _most
    cdef unsigned short[::1] tcp
    cdef unsigned short[::1] udp
    cdef unsigned char[:, ::1] tried
    cdef unsigned char[:, ::1] talked
    cdef unsigned char[::1] server
    cdef unsigned char[::1] opened
    cdef unsigned int[:, ::1] until
    cdef dict _talks
    cdef object _look
    cdef public dict hex
    cdef object _columns
    cdef int[::1] _numbers
    cdef unsigned char[::1] _turns
    cdef unsigned short[::1] _named
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _u32
    cdef object _raw
    cdef const long long[::1] _start
    cdef object _own(self, object arrays)
    cdef list _arrays(self)
    cpdef int whole(self, Py_ssize_t row) except -1
    cpdef object begins(self, int number, bint announced)
    cpdef object header(self, Py_ssize_t row)
    cpdef object datagram(self, Py_ssize_t row)
    cpdef object segment(self, Py_ssize_t row)
    cdef bytes _payload(self, Py_ssize_t row)
    cdef object _talk(self, int number, Py_ssize_t row)
    cdef str _datagram(self, int number, bytes data, object look)
    cdef object _found(self, int number, Py_ssize_t row, int place, str name)
    cdef str _speak(self, int place, object talk, int number, bytes data, object seq, object look)

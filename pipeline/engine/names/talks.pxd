from pipeline.engine.names.hints cimport datagram_hints, segment_hints
from pipeline.engine.names.look cimport Look
from pipeline.engine.names.quick cimport message_length

cdef class _Side:
    cdef public bytes head
    cdef public unsigned int next
    cdef public str name

cdef class _Talk:
    cdef public dict memo
    cdef public _Side client
    cdef public _Side server

cdef str _asked(int place, bytes data, Look look)

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
    cdef Look _look
    cdef dict _whole
    cdef unsigned short[::1] _tcp_port
    cdef unsigned short[::1] _udp_port
    cdef long long[:, ::1] _tcp_rule
    cdef unsigned char[::1] _tcp_hint
    cdef unsigned char[::1] _udp_hint
    cdef public dict hex
    cdef object _columns
    cdef int[::1] _numbers
    cdef unsigned char[::1] _turns
    cdef unsigned short[::1] _named
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _u32
    cdef const unsigned char[::1] _raw
    cdef const long long[::1] _start
    cdef object _own(self, object arrays)
    cdef list _arrays(self)
    cpdef int whole(self, Py_ssize_t row) except -1
    cpdef object begins(self, int number, bint announced)
    cpdef object header(self, Py_ssize_t row)
    cpdef object datagram(self, Py_ssize_t row)
    cpdef object segment(self, Py_ssize_t row)
    cdef bytes _payload(self, Py_ssize_t row)
    cdef _Talk _talk(self, int number, Py_ssize_t row)
    cdef str _datagram(self, int number, bytes data, Look look)
    cdef object _found(self, int number, Py_ssize_t row, int place, str name)
    cdef str _speak(self, int place, _Talk talk, int number, bytes data, Py_ssize_t begin, unsigned int seq, Look look)

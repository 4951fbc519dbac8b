cdef class Packet:
    cdef public object out
    cdef public object columns
    cdef public object named
    cdef public Py_ssize_t row
    cdef public unsigned long long frame
    cdef public long long time
    cdef public unsigned long long flow
    cdef public int number
    cdef public int side
    cdef public int turn
    cdef public Py_ssize_t waiting
    cdef public bint is_udp
    cdef public bint muted
    cdef public long long left
    cdef public object turned
    cdef public unsigned int seq
    cdef public unsigned int relative
    cdef public unsigned int ack
    cdef public unsigned int length
    cdef public unsigned int marks
    cdef public int flags
    cdef public int completeness
    cdef dict _begun
    cdef dict _whole
    cdef unsigned short[:] _named
    cdef const unsigned char[::1] _raw
    cdef const long long[::1] _offsets
    cdef unsigned char[:, ::1] _u8
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _u32
    cdef unsigned long long[:, ::1] _u64
    cdef unsigned char[:, ::1] _lane
    cdef int[::1] _numbers
    cdef unsigned char[::1] _turns
    cdef unsigned char[::1] _route
    cdef unsigned char[::1] _followed
    cdef int[::1] _slots
    cdef long long[:, :, ::1] _passing
    cdef bint _passes(self, Py_ssize_t row) noexcept
    cdef void _segment(self, Py_ssize_t row) noexcept
    cpdef bytes payload(self)
    cpdef int advance(self) except -1
    cpdef move(self, Py_ssize_t row)

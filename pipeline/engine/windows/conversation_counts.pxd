from pipeline.engine.addresses cimport half
from pipeline.engine.windows.ledger_rows cimport LedgerRows
from pipeline.engine.windows.sketch cimport bucket_of

cdef unsigned int server_of(unsigned int bits, unsigned int one, unsigned int two) noexcept nogil

cdef class ConversationCounts(LedgerRows):
    cdef unsigned long long _base
    cdef unsigned long long _lateness
    cdef unsigned long long _now
    cdef unsigned int _passes
    cdef unsigned long long _from
    cdef Py_ssize_t _used
    cdef unsigned int[:, ::1] _row
    cdef unsigned int[:, ::1] _bits
    cdef unsigned long long[:, ::1] _known
    cdef long long[::1] _times
    cdef unsigned char[:, ::1] _lane
    cdef unsigned char[:, ::1] _u8
    cdef unsigned short[:, ::1] _u16
    cdef unsigned int[:, ::1] _u32
    cdef unsigned long long[:, ::1] _u64
    cdef unsigned char[:, :, ::1] _b16
    cdef int _bind(self, object columns, Py_ssize_t numbers) except -1
    cdef bint _is_late(self, unsigned long long window) noexcept nogil
    cdef int _forget(self) except -1 nogil
    cdef Py_ssize_t _conversation(self, Py_ssize_t number, int turn) except -1 nogil
    cdef Py_ssize_t _slot(self, Py_ssize_t at, Py_ssize_t i, int side, bint udp, unsigned long long window) except -1 nogil
    cdef Py_ssize_t _quoted_slot(self, Py_ssize_t at, Py_ssize_t i, int side, unsigned long long window) except -1 nogil
    cdef Py_ssize_t _opened(self, Py_ssize_t at, Py_ssize_t i, unsigned long long window, unsigned int protocol) except -1 nogil
    cdef int _address(self, Py_ssize_t slot, int side, Py_ssize_t column, Py_ssize_t i) except -1 nogil
    cdef int _serve(self, Py_ssize_t at, Py_ssize_t slot) except -1 nogil
    cdef int _serves(self, Py_ssize_t at) except -1 nogil
    cdef int _segment(self, Py_ssize_t i, Py_ssize_t at, Py_ssize_t slot, int side) except -1 nogil
    cdef int _connection(self, Py_ssize_t at, Py_ssize_t slot, int side, unsigned int flags) except -1 nogil
    cdef int _asked(self, Py_ssize_t at, int side) except -1 nogil
    cdef int _answered(self, Py_ssize_t at, Py_ssize_t i, int side, bint quoted) except -1 nogil
    cdef int _quotes(self, Py_ssize_t i, Py_ssize_t number, int side) except -1 nogil

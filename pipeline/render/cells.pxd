cimport cython


@cython.final
cdef class CellWriter:
    cdef public Py_ssize_t at, row
    cdef bint quoted
    cdef unsigned char[::1] out
    cdef const long long[:, ::1] plan
    cdef const long long[:, ::1] fields
    cdef const unsigned char[::1] words
    cdef const long long[::1] word_at
    cdef const unsigned char[:, ::1] there
    cdef const long long[:, ::1] offsets
    cdef const unsigned long long[::1] cells
    cdef const unsigned char[:, ::1] wide
    cdef const unsigned char[::1] raw
    cdef const unsigned char[::1] keep

    cdef Py_ssize_t _rows(self, Py_ssize_t rows, Py_ssize_t bound) except -1 nogil
    cdef Py_ssize_t _field(self, Py_ssize_t at, Py_ssize_t f, Py_ssize_t row) except -1 nogil
    cdef Py_ssize_t _cell(self, Py_ssize_t at, Py_ssize_t s, Py_ssize_t j) except -1 nogil
    cdef Py_ssize_t _pad(self, Py_ssize_t at, Py_ssize_t begin, Py_ssize_t width) except -1 nogil
    cdef Py_ssize_t _word(self, Py_ssize_t at, Py_ssize_t index) except -1 nogil
    cdef Py_ssize_t _dec(self, Py_ssize_t at, unsigned long long value) except -1 nogil
    cdef Py_ssize_t _hex(self, Py_ssize_t at, unsigned long long value, int digits) except -1 nogil
    cdef Py_ssize_t _short_hex(self, Py_ssize_t at, unsigned int value) except -1 nogil
    cdef Py_ssize_t _mac(self, Py_ssize_t at, unsigned long long value) except -1 nogil
    cdef Py_ssize_t _ipv4(self, Py_ssize_t at, unsigned int value) except -1 nogil
    cdef Py_ssize_t _ipv6(self, Py_ssize_t at, Py_ssize_t w) except -1 nogil
    cdef Py_ssize_t _seconds(self, Py_ssize_t at, unsigned long long ns, Py_ssize_t decimals) except -1 nogil
    cdef Py_ssize_t _fraction(self, Py_ssize_t at, unsigned long long ns) except -1 nogil
    cdef Py_ssize_t _date(self, Py_ssize_t at, unsigned long long ns, Py_ssize_t months) except -1 nogil
    cdef Py_ssize_t _two(self, Py_ssize_t at, long long value) except -1 nogil

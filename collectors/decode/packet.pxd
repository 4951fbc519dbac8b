cdef extern from *:
    """
    static inline unsigned int shoal_big_u16(const unsigned char *p) { return (unsigned int)p[0] << 8 | p[1]; }
    static inline unsigned int shoal_big_u32(const unsigned char *p) {
        return (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 | p[3];
    }
    """
    unsigned int big_u16 "shoal_big_u16"(const unsigned char *p) noexcept nogil
    unsigned int big_u32 "shoal_big_u32"(const unsigned char *p) noexcept nogil

cdef class Packet:
    cdef public const unsigned char[::1] data
    cdef public Py_ssize_t row
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end
    cdef public Py_ssize_t full
    cdef public int next
    cdef public int layer
    cdef public int parent
    cdef public int depth
    cdef public unsigned char[::1] layers
    cdef public unsigned long long path
    cdef public unsigned long long flow
    cdef public unsigned char[:, ::1] u8
    cdef public unsigned short[:, ::1] u16
    cdef public unsigned int[:, ::1] u32
    cdef public unsigned long long[:, ::1] u64
    cdef public unsigned char[:, :, ::1] b16
    cdef public unsigned char[:, ::1] lane
    cdef public Py_ssize_t vlans
    cdef public unsigned char[:, ::1] vlan_u8
    cdef public unsigned short[:, ::1] vlan_u16
    cdef public Py_ssize_t labels
    cdef public unsigned char[:, ::1] mpls_u8
    cdef public unsigned int[:, ::1] mpls_u32
    cdef public Py_ssize_t blocks
    cdef public unsigned int[:, ::1] sack_u32
    cdef public Py_ssize_t outers
    cdef public unsigned char[:, ::1] outer_u8
    cdef public unsigned short[:, ::1] outer_u16
    cdef public unsigned int[:, ::1] outer_u32
    cdef public unsigned char[:, :, ::1] outer_b16
    cdef public int row_vlans
    cdef public int row_labels
    cdef public int row_blocks
    cdef public int row_outers

cdef int need(Packet p, Py_ssize_t n) except -1 nogil
cdef int narrow(Packet p, Py_ssize_t length) except -1 nogil
cdef int mark(Packet p, bint malformed) except -1 nogil
cdef unsigned int u16(Packet p, Py_ssize_t at) except? 0xFFFFFFFF nogil
cdef unsigned int u32(Packet p, Py_ssize_t at) except? 0xFFFFFFFF nogil
cdef unsigned long long mac(Packet p, Py_ssize_t at) except? 0xFFFFFFFFFFFFFFFF nogil
cdef unsigned long long mix(unsigned long long x) noexcept nogil
cdef unsigned long long pair(unsigned long long a, unsigned long long b, unsigned long long proto) noexcept nogil

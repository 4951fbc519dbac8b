from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32, mac

cdef int ethernet(Packet p) except -1 nogil
cdef int ethertype(Packet p) except -1 nogil
cdef int vlan(Packet p) except -1 nogil
cdef int llc(Packet p) except -1 nogil
cdef int mpls(Packet p) except -1 nogil
cdef int tag(Packet p) except -1 nogil
cdef int by_ethertype(Packet p, int kind) except -1 nogil

from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32

cdef int udp(Packet p) except -1 nogil
cdef int sctp(Packet p) except -1 nogil

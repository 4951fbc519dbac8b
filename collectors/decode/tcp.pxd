from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32

cdef int tcp(Packet p) except -1 nogil

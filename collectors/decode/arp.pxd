from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32, mac

cdef int arp(Packet p) except -1 nogil

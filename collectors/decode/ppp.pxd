from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32

cdef int ppp(Packet p) except -1 nogil
cdef int ppp_hdlc(Packet p) except -1 nogil
cdef int pppoe(Packet p) except -1 nogil

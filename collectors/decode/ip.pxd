from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32
from collectors.decode.outer cimport push_outer

cdef int ip4(Packet p) except -1 nogil
cdef int ip6(Packet p) except -1 nogil
cdef int pim(Packet p) except -1 nogil
cdef int ip6_extension(Packet p) except -1 nogil
cdef int by_protocol(Packet p, int proto) except -1 nogil

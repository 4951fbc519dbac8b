from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32
from collectors.decode.ether cimport by_ethertype

cdef int gre(Packet p) except -1 nogil
cdef int erspan(Packet p) except -1 nogil
cdef int vxlan(Packet p) except -1 nogil
cdef int geneve(Packet p) except -1 nogil
cdef int gtp(Packet p) except -1 nogil
cdef int teredo(Packet p) except -1 nogil
cdef int l2tp(Packet p) except -1 nogil
cdef int nhrp(Packet p) except -1 nogil

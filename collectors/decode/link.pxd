from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32, mac
from collectors.decode.ether cimport by_ethertype

cdef int first_layer(int linktype) except -1 nogil
cdef int cooked(Packet p, int linktype) except -1 nogil
cdef int raw(Packet p) except -1 nogil
cdef int null(Packet p, int linktype) except -1 nogil
cdef int serial(Packet p, int linktype) except -1 nogil
cdef int local(Packet p, int linktype) except -1 nogil

from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32

cdef int radiotap(Packet p) except -1 nogil
cdef int ppi(Packet p) except -1 nogil
cdef int prism(Packet p) except -1 nogil
cdef int avs(Packet p) except -1 nogil
cdef int wlan(Packet p) except -1 nogil

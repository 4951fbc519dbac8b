from collectors.decode.packet cimport Packet, need, narrow, mark, u16, u32, pair, mix

cdef int icmp(Packet p) except -1 nogil
cdef int icmp6(Packet p) except -1 nogil
cdef int igmp(Packet p) except -1 nogil
cdef unsigned long long half6(Packet p, Py_ssize_t at) except? 0xFFFFFFFFFFFFFFFF nogil

from collectors.decode.packet cimport Packet

cdef int push_outer(Packet p) except -1 nogil

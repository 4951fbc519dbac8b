from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.quic.connection cimport Connection
from pipeline.engine.quic.packets cimport Header, number

cdef class Quic:
    cdef object _notes
    cdef object _out
    cdef dict _known
    cdef dict _waiting
    cdef set _settled
    cdef unsigned long long _forgotten
    cdef Connection _begin(self, Packet packet)
    cdef Connection _anew(self, Packet packet, Connection before)

cdef int _side(Packet packet, Connection connection) except -1

from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.quic.keys cimport Keys
from pipeline.engine.quic.packets cimport Header
from pipeline.engine.quic.crypto cimport CryptoStream
from pipeline.engine.tls.hello cimport Hello
from pipeline.engine.tls.timeline cimport Timeline

cdef class Connection:
    cdef public tuple client
    cdef public unsigned int version
    cdef public bytes dcid
    cdef public list ids
    cdef public Timeline timeline
    cdef public bint told
    cdef public bint hidden
    cdef bint _tells
    cdef object _out
    cdef object _how
    cdef list _keys
    cdef bytes _retried
    cdef bint _quiet
    cdef list _highest
    cdef list _streams
    cpdef begin(self, unsigned int version, bytes dcid)
    cpdef packet(self, Packet packet, bytes data, Header header, int side)
    cdef _data(self, Packet packet, Timeline line, int side, bint early)
    cdef _retry(self, Packet packet, Header header, int side)
    cpdef bint follows(self, Header header) except -1
    cdef bint _negotiates(self, Header header) except -1
    cdef _initial(self, Packet packet, bytes data, Header header, int side)
    cdef _rekey(self, Header header)
    cdef _message(self, Packet packet, bytes message, int side)
    cdef Timeline _line(self, Packet packet, int side)
    cpdef tell(self, str outcome)

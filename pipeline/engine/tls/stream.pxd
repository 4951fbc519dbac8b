from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.tls.messages cimport Messages
from pipeline.engine.tls.session cimport Session

cdef class TlsStream:
    cdef public list need
    cdef Session _session
    cdef Messages _messages
    cdef list _rest
    cdef list _begun
    cdef bint _shown
    cdef object _show(self, Packet packet, int version)

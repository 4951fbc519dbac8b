from pipeline.engine.exchanges.packet cimport Packet

cdef class Icmp:
    cdef object _notes
    cdef object _out
    cdef dict _asked
    cdef object _echoes
    cdef unsigned long long _forgotten
    cdef dict _row(self, Packet packet, bint v6, int kind, int code, str of, str outcome, bint reverse)
    cdef _request(self, Packet packet, bint v6, int kind, int code, str of)
    cdef _reply(self, Packet packet, bint v6, int kind, int code, str of)
    cdef _tell_data(self, Packet packet, str of)
    cdef _give_up(self, dict row)

cdef tuple _pair(Packet packet, bint v6)
cdef int _checksum(Packet packet, bint v6) except -1
cdef int _hops(Packet packet) except -1
cdef _quoted(Packet packet, dict told)

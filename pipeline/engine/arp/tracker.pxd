from pipeline.engine.arp.bindings cimport Bindings
from pipeline.engine.exchanges.packet cimport Packet

cdef class Arp:
    cdef object _notes
    cdef object _out
    cdef dict _asked
    cdef Bindings _bindings
    cdef object _holders
    cdef object _neighbours
    cdef unsigned long long _forgotten
    cdef dict _row(self, Packet packet, int vlan, str kind, int opcode)
    cdef _ask(self, Packet packet, tuple key, dict told)
    cdef _reply(self, Packet packet, int vlan, unsigned int source, unsigned long long source_hw, unsigned int target, unsigned long long target_hw)

cpdef str kind_of(int opcode, unsigned int source, unsigned long long source_hw, unsigned int target, unsigned long long target_hw)

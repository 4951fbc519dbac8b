from pipeline.engine.exchanges.packet cimport Packet

cdef class Bindings:
    cdef object _notes
    cdef object _out
    cdef int _learnt
    cdef dict _held
    cdef dict _changed
    cdef unsigned long long _forgotten
    cpdef learn(self, Packet packet, int vlan, bytes address, unsigned long long hardware, long long lease=*)
    cpdef tick(self)
    cdef _tell(self, dict row)

from pipeline.engine.dns.message cimport Message
from pipeline.engine.exchanges.packet cimport Packet

cdef class _Query:
    cdef public unsigned long long frame
    cdef public long long time
    cdef public int side
    cdef public bytes question
    cdef public unsigned long long response
    cdef public bint many
    cdef public dict row
    cdef public list said

cdef class Dns:
    cdef object _notes
    cdef object _out
    cdef dict _queries
    cdef public object _forgotten
    cdef _tell(self, Packet packet, Message found, str protocol, _Query query, bint again)
    cdef _asked(self, Packet packet, Message found, Py_ssize_t size, str protocol, _Query asked, _Query query,
                bytes question)
    cdef _answered(self, Packet packet, Message found, Py_ssize_t size, str protocol, _Query query, bytes question,
                   bint again)
    cdef _told(self, _Query query)
    cdef _cap(self, Packet packet)

from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.http.half cimport Half
from pipeline.engine.http.message cimport Message


cdef class Exchange:
    cdef public dict row
    cdef public bytes method
    cdef public long long missing
    cdef public long long time
    cdef public Py_ssize_t interim


cdef class Teller:
    cdef public object record
    cdef public bint stores
    cdef public bint tells
    cdef public object _out
    cdef public object _notes
    cdef public object count
    cdef public object dialogues
    cpdef show(self, Packet packet, Message message, long long body, unsigned long long frame, long long time)
    cpdef Exchange asked(self, dict row, Half half, Message message, Py_ssize_t before)
    cpdef answered(self, Packet packet, Exchange exchange, dict row, Half half, Message message, int tunnel)
    cpdef unfinished(self, dict row, Exchange exchange, Half half, Message message)
    cdef _end(self, dict row, Exchange exchange, Half half, Message message)
    cpdef unanswered(self, Exchange exchange)


cdef _fill(dict row, Message message)
cdef _name(Message message, long long body)

from pipeline.engine.dns.message cimport Message
from pipeline.engine.exchanges.packet cimport Packet

cdef class _Query:
    cdef public object frame
    cdef public object time
    cdef public int side
    cdef public bytes question
    cdef public object response
    cdef public bint many
    cdef public dict row
    cdef public list said

from pipeline.engine.ber cimport Element, element, elements, identifier, integer

cdef class Message:
    cdef public long long version
    cdef public object community
    cdef public object ident
    cdef public object flags
    cdef public bytes engine
    cdef public bytes user
    cdef public bint encrypted
    cdef public object pdu
    cdef public object request
    cdef public list numbers
    cdef public list bindings

cpdef Message read_message(bytes data)
cdef _pdu(bytes data, Element of, Message found)
cpdef str value(bytes data, Element of)

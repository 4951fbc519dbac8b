from pipeline.engine.ber cimport Element, element, elements, integer

cdef class Message:
    cdef public int kind
    cdef public list shown
    cdef public str realm
    cdef public str cname
    cdef public str sname
    cdef public object error
    cdef public object nonce
    cdef public list etypes
    cdef public object etype
    cdef public object ticket_etype
    cdef public bint preauth

cpdef Message read_message(bytes data, Py_ssize_t at=*)
cdef object _number(bytes data, Element of)
cdef str _text(bytes data, Element of)
cdef list _name(bytes data, Element of)
cdef object _ticket(bytes data, Element of, list shown)
cdef object _etype(bytes data, Element of)

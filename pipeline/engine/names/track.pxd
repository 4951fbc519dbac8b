from pipeline.engine.names.quick cimport datagram_is, ends_a_line, message_length, session_name
from pipeline.engine.names.talks cimport Talks
from pipeline.engine.names.worth cimport datagram_worth, is_stun, segment_worth

cdef class Names:
    cdef public Talks talks
    cdef public object named
    cdef object _rows(self, object columns, object numbers, object turns, object paths, object bases, object whats)

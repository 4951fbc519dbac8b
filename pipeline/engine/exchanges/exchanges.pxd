from pipeline.engine.exchanges.dialogues cimport Dialogues
from pipeline.engine.exchanges.outlet cimport Outlet
from pipeline.engine.exchanges.packet cimport Packet


cdef class Exchanges:
    cdef public Outlet out
    cdef dict _trackers
    cdef list _datagrams
    cdef object _ports
    cdef list _frames
    cdef list _headers
    cdef object _spoken
    cdef list _settling
    cdef list _guesses
    cdef Dialogues _dialogues
    cdef object _names
    cdef Packet _packet
    cdef _rows(self, ends, quotes, Py_ssize_t last)
    cdef _quoted(self, Packet packet, quote)
    cdef _tick(self, now)

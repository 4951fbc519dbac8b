from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.http.half cimport Half
from pipeline.engine.http.message cimport Message
from pipeline.engine.http.rows cimport Exchange, Teller


cdef class HttpDialogue:
    cdef public list need
    cdef Teller _teller
    cdef Half _one
    cdef Half _other
    cdef list _pending
    cdef unsigned long long _asked_frame
    cdef long long _asked_time
    cdef bint _known
    cdef Half _half(self, int side)
    cdef bint _left_out(self, Packet packet, Half half) except -1
    cpdef long long take(self, Packet packet, int side, bytes data) except -1
    cdef long long _websocket(self, Packet packet, Half half, bytes data) except -1
    cdef long long _head(self, Packet packet, int side, Half half, bytes data) except -1
    cdef long long _junk(self, Packet packet, Half half, bytes data) except -1
    cdef long long _begin(self, Packet packet, int side, Half half, Message message) except -1
    cdef long long _carried(self, Packet packet, int side, Half half, Message message, bytes data) except -1
    cdef _waits(self, Packet packet, Half half, Message message)
    cdef bint _bodiless(self, int code, int side) except -1
    cdef bytes _method(self, int side)
    cdef long long _chunk(self, Packet packet, int side, Half half, bytes data) except -1
    cdef long long _unchunked(self, Packet packet, int side, Half half) except -1
    cdef long long _trailer(self, Packet packet, int side, Half half, bytes data) except -1
    cdef _broken(self, Packet packet, Half half)
    cdef _tell(self, Packet packet, Half half, Message message)
    cdef _complete(self, Packet packet, int side, Half half)
    cdef _requested(self, Packet packet, Half half, Message message)
    cdef _responded(self, Packet packet, int side, Half half, Message message)
    cdef int _upgrade(self, Packet packet, Message message) except -1

from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.exchanges.passing cimport Passing
from pipeline.engine.exchanges.side cimport Side


cdef class Conversation:
    cdef public object protocol
    cdef public object dialogue
    cdef public object mindful
    cdef public Side one
    cdef public Side other
    cdef public int tries
    cdef public int turns
    cdef public long long last
    cdef public bint spoke
    cdef public int slot
    cdef public bint passed
    cdef public bint over
    cdef speak(self, str protocol, dialogue)
    cdef Side side(self, int index)
    cdef long long size(self) except -1


cdef class Dialogues:
    cdef object _notes
    cdef object _trackers
    cdef dict _known
    cdef int _moved
    cdef dict _holes
    cdef long long _bytes
    cdef long long _forgotten
    cdef long long _bytes_forgotten
    cdef long long _holes_forgotten
    cdef object _acks
    cdef Passing _passing
    cdef object _columns
    cdef public object followed
    cdef unsigned char[::1] _followed
    cdef _look(self)
    cpdef segment(self, Packet packet)
    cdef _take_in(self, Packet packet, Conversation conversation)
    cdef Conversation _open(self, Packet packet)
    cdef long long _give_up(self) except -1
    cdef _shed(self, Packet packet)
    cdef _end(self, int number, int then)
    cdef bint _settle(self, Conversation conversation) except -1
    cdef _arm(self, int number, Conversation conversation)
    cdef _acknowledge(self, int number, Py_ssize_t row)
    cdef _judge(self, Packet packet, Conversation conversation, bint now)
    cdef _arrive(self, Packet packet, Conversation conversation, int index, long long start, long long stop)
    cdef _go_on(self, Packet packet, Conversation conversation, int index)
    cdef _deliver(self, Packet packet, Conversation conversation, int index, long long stop, bytes data)
    cdef _missed(self, Packet packet, Conversation conversation, int index, long long count)
    cdef bint _lost(self, Packet packet, Conversation conversation, int index, long long gap) except -1
    cdef _offer(self, Packet packet, Conversation conversation, int index)
    cdef _overflow(self, Packet packet, Conversation conversation, int index)
    cdef _choose(self, Packet packet, Conversation conversation, int index)
    cdef bint _turn(self, Packet packet, Conversation conversation) except -1
    cdef _close(self, Packet packet, Conversation conversation, int index, bint reset)

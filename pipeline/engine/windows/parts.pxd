from pipeline.engine.addresses cimport half
from pipeline.engine.windows.conversation_counts cimport ConversationCounts
from pipeline.engine.windows.sketch cimport bucket_of

cdef class Parts(ConversationCounts):
    cdef public object ticks
    cdef object _notes
    cdef object _told
    cdef object _sightings
    cdef object _waiting
    cdef list _begun
    cdef long long _told_early
    cdef unsigned int _tick
    cdef public unsigned long long frame
    cdef Py_ssize_t _most
    cdef int _early(self, Py_ssize_t row) except -1
    cdef int _rows(self, Py_ssize_t first, Py_ssize_t last, int[::1] number, unsigned char[::1] turn) except -1 nogil
    cdef Py_ssize_t _apart(self, Py_ssize_t i, unsigned long long window) except -1 nogil
    cdef int _late(self) except -1 nogil
    cdef int _said(self, object told) except -1
    cdef int _count_drops(self, unsigned long long time, unsigned long long count) except -1

from collectors.decode.packet cimport mix

cdef class Ledger:
    cdef unsigned int[:, ::1] count
    cdef unsigned long long[:, ::1] sum
    cdef unsigned int[::1] head
    cdef Py_ssize_t live
    cdef Py_ssize_t nodes
    cdef unsigned int[:, ::1] _node
    cdef unsigned int[::1] _bucket
    cdef unsigned int[::1] _living
    cdef Py_ssize_t _used_slots
    cdef unsigned int _free
    cdef Py_ssize_t _nodes_used
    cdef unsigned int _node_free
    cdef Py_ssize_t _others
    cdef int _grow(self) except -1
    cdef int _grow_nodes(self) except -1
    cdef int _grow_buckets(self) except -1
    cdef Py_ssize_t find(self, Py_ssize_t owner, unsigned long long time) except -1 nogil
    cdef Py_ssize_t _take(self) except -1 nogil
    cdef Py_ssize_t open(self, Py_ssize_t owner) except -1 nogil
    cdef Py_ssize_t other(self, unsigned long long time, unsigned long long a, unsigned long long b,
                          unsigned long long c, unsigned long long d, unsigned long long flow, unsigned int word,
                          unsigned int port) except -1 nogil
    cdef int add_time(self, Py_ssize_t at, unsigned int key) except -1 nogil
    cdef int add_odd(self, Py_ssize_t at, unsigned long long time, unsigned int resent) except -1 nogil
    cdef Py_ssize_t _take_node(self) except -1 nogil
    cdef int _give_nodes(self, unsigned int node) except -1 nogil
    cdef int _release(self, Py_ssize_t at) except -1 nogil

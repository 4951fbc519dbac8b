from collectors.sources.scan cimport u16, u32

cdef extern from *:
    """
    #include <string.h>
    static inline unsigned int shoal_load_acquire(const unsigned char *p) {
        return __atomic_load_n((const unsigned int *)p, __ATOMIC_ACQUIRE);
    }
    static inline void shoal_store_release(unsigned char *p, unsigned int v) {
        __atomic_store_n((unsigned int *)p, v, __ATOMIC_RELEASE);
    }
    """
    unsigned int load_acquire "shoal_load_acquire"(const unsigned char *p) noexcept nogil
    void store_release "shoal_store_release"(unsigned char *p, unsigned int v) noexcept nogil

cdef long long status(unsigned char[::1] data, Py_ssize_t at) except -1 nogil
cdef long long cook(unsigned char[::1] data, Py_ssize_t hdr, Py_ssize_t start, long long tpid, long long tci) except -1 nogil
cdef long long tag(unsigned char[::1] data, Py_ssize_t start, long long tpid, long long tci) except -1 nogil

cpdef str protocol_of(bytes data, ports)

"""ARP (RFC 826, 5227) and IPv6 neighbour discovery (RFC 4861): who asks for whom, and which address is whose."""

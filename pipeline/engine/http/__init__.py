"""HTTP: messages and exchanges of HTTP/1.x over TCP, SSDP over UDP, and HTTP/2 in clear."""

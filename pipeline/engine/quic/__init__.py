"""QUIC: Initial packets, whose keys anyone can derive, and the TLS handshake in them."""

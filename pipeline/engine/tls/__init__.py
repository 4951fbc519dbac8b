"""TLS 1.0 to 1.3, and the hellos of SSL 2 and 3: records, handshake messages, and a row for each handshake."""

"""The analysis of TCP segments as Wireshark's dissector makes it, packet by packet."""

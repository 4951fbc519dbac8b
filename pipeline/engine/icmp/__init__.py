"""ICMP and ICMPv6: echoes and their replies, errors and what they quote."""

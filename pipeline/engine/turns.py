"""Bits of `Streams.turn`: what a row is to its conversation. Who follows `Streams` reads them."""

SIDE = 1
"""The side that sent it, 0 or 1; of an ICMP error, the side that sent what it quotes."""
BEGINS = 2
"""The number's state begins here: of a conversation not seen yet, or of another one under its number (`ANOTHER`)."""
REUSED = 4
"""A SYN, or the answer to one, whose sequence number is not that of the conversation before on these ports."""
DATAGRAM = 8
"""UDP; the number is one of those given to UDP conversations."""
QUOTED = 16
"""No segment of the TCP conversation, but an ICMP error that quotes one."""
ANNOUNCED = 32
"""With BEGINS: another protocol had announced the conversation, so that for Wireshark it was there before; of UDP, that
its other end was left open then (media, a file's transfer, a program's port)."""
FORGOT = 64
"""With BEGINS: all numbers given before were forgotten, and are given anew from 1."""
ANOTHER = 128
"""With BEGINS: the number bore another conversation until now."""

"""Capture-filter expressions to programs: the one place that imports scapy (GPL-2.0), for its binding of libpcap.

Only `scapy.libs.winpcapy` is loaded: it needs neither root nor interfaces, and takes a fifth of the time of all scapy.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

from collectors.filters.program import FilterError, Program

SNAPLEN = 262_144
_REJECTS_ALL = "expression rejects all packets"
_REJECT = (0x06, 0, 0, 0)
_DLT = {100: 11, 101: 12, 102: 15, 103: 16, 106: 19}
"""DLT_ numbers on Linux of the LINKTYPE_ numbers that differ (libpcap's pcap-common.c)."""


@lru_cache(maxsize=256)
def compile_filter(expression: str, linktype: int, snaplen: int = SNAPLEN) -> Program:
    """The program of a pcap-filter(7) expression for frames of a LINKTYPE_.

    Where no frame of the link type can match (`ip6` on raw IPv4), which libpcap calls an error, it is a program that
    takes none: other frames of the same capture may be of another type. Raises FilterError: with libpcap's message
    for an expression it refuses, and where scapy or libpcap is missing.
    """
    try:
        from scapy.libs import winpcapy as pcap
        from scapy.libs.structures import bpf_program
    except ImportError as e:
        raise FilterError("capture filters need scapy; pip install 'shoal[sensor]'") from e
    except OSError as e:
        raise FilterError("capture filters need libpcap; apt install libpcap0.8 (Debian, Ubuntu)") from e
    shown = " ".join(expression.split())
    if "\0" in expression:
        raise FilterError(f"capture filter {shown!r}: holds a zero character")
    handle = pcap.pcap_open_dead(_DLT.get(linktype, linktype), snaplen)
    if not handle:
        raise FilterError(f"capture filter {shown!r}: libpcap has no filters for link type {linktype}")
    native = bpf_program()
    text = ctypes.create_string_buffer(expression.encode("utf-8", "surrogateescape"))
    try:
        # Netmask 0, as tcpdump gives for a file.
        refused = pcap.pcap_compile(handle, ctypes.byref(native), text, 1, 0) != 0
        message = " ".join(pcap.pcap_geterr(handle).decode("utf-8", "replace").split()) if refused else ""
        rows = [(i.code, i.jt, i.jf, i.k) for i in native.bf_insns[: native.bf_len]] if not refused else []
        pcap.pcap_freecode(ctypes.byref(native))
    finally:
        pcap.pcap_close(handle)
    if message == _REJECTS_ALL:
        rows = [_REJECT]
    elif refused:
        raise FilterError(f"capture filter {shown!r}: {message}")
    try:
        program = Program.of(rows)
    except FilterError as e:
        raise FilterError(f"capture filter {shown!r}: {e}") from e
    if program.ancillary:
        raise FilterError(f"capture filter {shown!r}: asks for what a capture of link type {linktype} does not hold")
    return program

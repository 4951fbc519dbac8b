"""Capture-filter expressions to programs: the one place that imports scapy (GPL-2.0), for its binding of libpcap.

Only `scapy.libs.winpcapy` is loaded: it needs neither root nor interfaces, and takes a fifth of the time of all scapy.
"""

from __future__ import annotations

import ctypes
import os
import socket
from functools import lru_cache
from typing import Any

from collectors.filters.program import FilterError, Program

SNAPLEN = 262_144
_REJECTS_ALL = "expression rejects all packets"
_REJECT = (0x06, 0, 0, 0)
_UNUSED_ETHERTYPE = 0x88B6
"""IEEE Std 802's second ethertype for local experiments: what the handle of a `LiveCompiler` would capture."""
_LONGEST_SHOWN = 200
"""Characters of a filter that an error shows."""
_DLT = {100: 11, 101: 12, 102: 15, 103: 16, 106: 19}
"""DLT_ numbers on Linux of the LINKTYPE_ numbers that differ (libpcap's pcap-common.c)."""


@lru_cache(maxsize=256)
def compile_filter(expression: str, linktype: int, snaplen: int = SNAPLEN) -> Program:
    """The program of a pcap-filter(7) expression for frames of a LINKTYPE_.

    Where no frame of the link type can match (`ip6` on raw IPv4), which libpcap calls an error, it is a program that
    takes none: other frames of the same capture may be of another type. Raises FilterError: with libpcap's message
    for an expression it refuses, and where scapy or libpcap is missing.
    """
    pcap = _binding()
    handle = pcap.pcap_open_dead(_DLT.get(linktype, linktype), snaplen)
    if not handle:
        raise FilterError(f"capture filter {_shown(expression)}: libpcap has no filters for link type {linktype}")
    try:
        program = _compile(pcap, handle, expression)
    finally:
        pcap.pcap_close(handle)
    if program.ancillary:
        raise FilterError(
            f"capture filter {_shown(expression)}: asks for what a capture of link type {linktype} does not hold"
        )
    return program


class LiveCompiler:
    """Compiles for the kernel: such programs may ask for what only the kernel knows of a packet (`inbound`, `ifindex`,
    the VLAN tag that it takes off before the filter runs).

    libpcap does that for a handle that is open on an interface alone. `open` needs CAP_NET_RAW; the handle captures
    nothing, and goes on compiling when the privilege is gone.
    """

    def __init__(self, device: str, linktype: int) -> None:
        self._device = device
        self._linktype = linktype
        self._pcap: Any = None
        self._handle: Any = None

    def open(self) -> None:
        """Open the handle, and let it see no packet; raises FilterError."""
        self._pcap = pcap = _binding()
        message = ctypes.create_string_buffer(256)
        # A short snap length and time-out keep its ring small.
        handle = pcap.pcap_open_live(self._device.encode(), 64, 0, 1, message)
        if not handle:
            raise FilterError(f"capture filter on {self._device}: {_text(message.value)}")
        self._handle = handle
        pcap._lib.pcap_fileno.argtypes = [ctypes.c_void_p]
        with socket.socket(fileno=os.dup(pcap._lib.pcap_fileno(handle))) as bound:
            bound.bind(("lo", _UNUSED_ETHERTYPE))
        if pcap.pcap_set_datalink(handle, _DLT.get(self._linktype, self._linktype)) != 0:
            self.close()
            raise FilterError(f"capture filter on {self._device}: libpcap has no such link type there")

    def compile(self, expression: str) -> Program:
        """The program of a pcap-filter(7) expression, for the kernel; raises FilterError."""
        return _compile(self._pcap, self._handle, expression)

    def close(self) -> None:
        """Close the handle."""
        if self._handle:
            self._pcap.pcap_close(self._handle)
        self._handle = None


def _binding() -> Any:
    try:
        from scapy.libs import winpcapy
    except ImportError as e:
        raise FilterError("capture filters need scapy; pip install 'shoal[sensor]'") from e
    except OSError as e:
        raise FilterError("capture filters need libpcap; apt install libpcap0.8 (Debian, Ubuntu)") from e
    return winpcapy


def _shown(expression: str) -> str:
    words = " ".join(expression.split())
    return repr(words) if len(words) <= _LONGEST_SHOWN else f"{words[:_LONGEST_SHOWN]!r}..."


def _text(message: bytes) -> str:
    return " ".join(message.decode("utf-8", "replace").split())


def _compile(pcap: Any, handle: Any, expression: str) -> Program:
    """The program for the link type of an open `handle`; raises FilterError."""
    from scapy.libs.structures import bpf_program

    shown = _shown(expression)
    if "\0" in expression:
        raise FilterError(f"capture filter {shown}: holds a zero character")
    native = bpf_program()
    text = ctypes.create_string_buffer(expression.encode("utf-8", "surrogateescape"))
    # Netmask 0, as tcpdump gives for a file.
    refused = pcap.pcap_compile(handle, ctypes.byref(native), text, 1, 0) != 0
    message = _text(pcap.pcap_geterr(handle)) if refused else ""
    rows = [(i.code, i.jt, i.jf, i.k) for i in native.bf_insns[: native.bf_len]] if not refused else []
    pcap.pcap_freecode(ctypes.byref(native))
    if message == _REJECTS_ALL:
        rows = [_REJECT]
    elif refused:
        raise FilterError(f"capture filter {shown}: {message}")
    try:
        return Program.of(rows)
    except FilterError as e:
        raise FilterError(f"capture filter {shown}: {e}") from e

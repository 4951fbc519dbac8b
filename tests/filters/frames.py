"""Frames made from bytes, and what libpcap itself says of them."""

from __future__ import annotations

import ctypes
from ctypes.util import find_library

import numpy as np
from scapy.libs.structures import bpf_insn

from collectors.filters import Program
from collectors.sources import Frames

_libpcap = ctypes.CDLL(find_library("pcap"))
_libpcap.bpf_filter.restype = ctypes.c_uint
_libpcap.bpf_filter.argtypes = [ctypes.POINTER(bpf_insn), ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]


def frames_of(packets: list[bytes], linktypes: list[int] | int = 1, lengths: list[int] | None = None) -> Frames:
    """Frames of `packets`, a byte between them; `lengths` on the wire, where not given as captured."""
    n = len(packets)
    sizes = np.array([len(p) for p in packets], np.uint32)
    offset = np.zeros(n, np.int64)
    offset[1:] = np.cumsum(sizes[:-1] + 1)
    kinds = np.array([linktypes] * n if isinstance(linktypes, int) else linktypes, np.uint16)
    return Frames(
        b"\xff".join(packets), offset, sizes, np.array(lengths if lengths is not None else sizes, np.uint32),
        np.zeros(n, np.int64), np.zeros(n, np.uint16), kinds, 1,
    )  # fmt: skip


def libpcap_accepts(program: Program, frames: Frames) -> list[bool]:
    """What libpcap's interpreter says of each frame."""
    rows = zip(program.code.tolist(), program.jt.tolist(), program.jf.tolist(), program.k.tolist(), strict=True)
    native = (bpf_insn * len(program.code))(*(bpf_insn(c, t, f, ctypes.c_int(k).value) for c, t, f, k in rows))
    return [
        _libpcap.bpf_filter(native, bytes(frames.buffer[int(o) : int(o) + int(c)]), int(length), int(c)) != 0
        for o, c, length in zip(frames.offset, frames.cap_len, frames.length, strict=True)
    ]

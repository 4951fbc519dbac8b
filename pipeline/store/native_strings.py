"""The one part of ClickHouse's Native format that is not plain memory: strings, each behind its length as a varint.

Compiled where the build made it (`native_strings.pxd`); the same source runs uncompiled.
"""

from __future__ import annotations

import cython
import numpy as np
from numpy.typing import NDArray


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _pack(
    buffer: cython.const[cython.uchar][::1],
    offset: cython.const[cython.longlong][::1],
    length: cython.const[cython.uint][::1],
    out: cython.uchar[::1],
) -> cython.longlong:
    """Writes `length[i]` bytes of `buffer` from `offset[i]` for each i; returns the bytes written to `out`."""
    at: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    start: cython.Py_ssize_t
    size: cython.Py_ssize_t
    rest: cython.uint
    for i in range(offset.shape[0]):
        size = length[i]
        rest = length[i]
        while rest >= 0x80:
            out[at] = (rest & 0x7F) | 0x80
            rest >>= 7
            at += 1
        out[at] = rest
        at += 1
        start = offset[i]
        out[at : at + size] = buffer[start : start + size]
        at += size
    return at


def packed_size(length: NDArray[np.uint32]) -> int:
    """Bytes that `pack_strings` may write for strings of these lengths."""
    # A length of 32 bits takes five bytes as a varint at most.
    return int(length.sum(dtype=np.int64)) + 5 * len(length)


def pack_strings(
    buffer: bytes | bytearray | memoryview,
    offset: NDArray[np.int64],
    length: NDArray[np.uint32],
    out: NDArray[np.uint8],
) -> memoryview:
    """Strings in Native format: (n,) slices `buffer[offset : offset + length]`, each as varint length and bytes.

    They are written to `out`, of `packed_size(length)` bytes at least; returns what was written of it.
    Raises ValueError where a slice leaves the buffer, or `out` is too small.
    """
    if len(offset) == 0:
        return memoryview(b"")
    if int(offset.min()) < 0 or int((offset + length).max()) > len(buffer):
        raise ValueError("a string's slice leaves its buffer")
    if len(out) < packed_size(length):
        raise ValueError("the strings need a larger buffer to be packed into")
    if cython.compiled:
        written = _pack(buffer, offset, length, out)
    else:
        written = _pack(memoryview(buffer), offset.data, length.data, out.data)
    return out.data[:written]

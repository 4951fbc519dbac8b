"""The classic-BPF interpreter: one program over all frames of a `Frames` (compiled; the same source runs plain).

It decides as libpcap's `bpf_filter` does for a packet of a file: a load out of the captured bytes and a division by
zero give no match; so do the kernel's ancillary loads, whose offsets are beyond any frame.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np
from numpy.typing import NDArray

from collectors.filters.program import SCRATCH, Program
from collectors.sources.frames import Frames

_LOW_32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(0xFFFFFFFE, check=True)
def accept(
    code: cython.const[cython.ushort][::1],
    jt: cython.const[cython.uchar][::1],
    jf: cython.const[cython.uchar][::1],
    k: cython.const[cython.uint][::1],
    scratch: cython.uint[::1],
    data: cython.const[cython.uchar][::1],
    start: cython.longlong,
    captured: cython.longlong,
    length: cython.uint,
) -> cython.uint:
    """What the program returns for the frame of `captured` bytes at `start`, 0 for no match.

    `length` is that on the wire (bytes). `code`, `jt`, `jf`, `k` are a checked `Program`'s: each jump leads
    forward and stays inside.
    """
    pc: cython.Py_ssize_t = 0
    a: cython.uint = 0
    x: cython.uint = 0
    op: cython.int
    v: cython.uint
    at: cython.longlong
    while True:
        op = code[pc]
        v = k[pc]
        pc += 1
        at = v
        if op == 0x40 or op == 0x48 or op == 0x50:
            at = cython.cast(cython.longlong, x) + v
        if op == 0x20 or op == 0x40:
            if at + 4 > captured:
                return 0
            at += start
            a = cython.cast(cython.uint, data[at]) << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
        elif op == 0x28 or op == 0x48:
            if at + 2 > captured:
                return 0
            at += start
            a = data[at] << 8 | data[at + 1]
        elif op == 0x30 or op == 0x50:
            if at + 1 > captured:
                return 0
            a = data[start + at]
        elif op == 0xB1:
            if at + 1 > captured:
                return 0
            x = (data[start + at] & 0x0F) << 2
        elif op == 0x15:
            pc += jt[pc - 1] if a == v else jf[pc - 1]
        elif op == 0x25:
            pc += jt[pc - 1] if a > v else jf[pc - 1]
        elif op == 0x35:
            pc += jt[pc - 1] if a >= v else jf[pc - 1]
        elif op == 0x45:
            pc += jt[pc - 1] if a & v else jf[pc - 1]
        elif op == 0x1D:
            pc += jt[pc - 1] if a == x else jf[pc - 1]
        elif op == 0x2D:
            pc += jt[pc - 1] if a > x else jf[pc - 1]
        elif op == 0x3D:
            pc += jt[pc - 1] if a >= x else jf[pc - 1]
        elif op == 0x4D:
            pc += jt[pc - 1] if a & x else jf[pc - 1]
        elif op == 0x05:
            pc += v
        elif op == 0x06:
            return v
        elif op == 0x16:
            return a
        elif op == 0x00:
            a = v
        elif op == 0x01:
            x = v
        elif op == 0x60:
            a = scratch[v]
        elif op == 0x61:
            x = scratch[v]
        elif op == 0x80:
            a = length
        elif op == 0x81:
            x = length
        elif op == 0x02:
            scratch[v] = a
        elif op == 0x03:
            scratch[v] = x
        elif op == 0x07:
            x = a
        elif op == 0x87:
            a = x
        elif op == 0x84:
            a = (0 - a) & _LOW_32
        else:
            if op & 0x08:
                v = x
            op = op & 0xF0
            if op == 0x00:
                a = (a + v) & _LOW_32
            elif op == 0x10:
                a = (a - v) & _LOW_32
            elif op == 0x20:
                a = (a * v) & _LOW_32
            elif op == 0x30:
                if v == 0:
                    return 0
                a = a // v
            elif op == 0x40:
                a = a | v
            elif op == 0x50:
                a = a & v
            elif op == 0x60:
                a = (a << v) & _LOW_32 if v < 32 else 0
            elif op == 0x70:
                a = a >> v if v < 32 else 0
            elif op == 0x90:
                if v == 0:
                    return 0
                a = a % v
            else:
                a = a ^ v


def accept_all(
    code: cython.const[cython.ushort][::1],
    jt: cython.const[cython.uchar][::1],
    jf: cython.const[cython.uchar][::1],
    k: cython.const[cython.uint][::1],
    scratch: cython.uint[::1],
    data: cython.const[cython.uchar][::1],
    offset: cython.const[cython.longlong][::1],
    cap_len: cython.const[cython.uint][::1],
    length: cython.const[cython.uint][::1],
    clear: cython.bint,
    matched: cython.uchar[::1],
) -> None:
    """Write 1 or 0 into `matched` for each frame; `clear` zeroes `scratch` before each."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    rows: cython.Py_ssize_t = offset.shape[0]
    words: cython.Py_ssize_t = scratch.shape[0]
    with cython.nogil:
        for i in range(rows):
            if clear:
                for j in range(words):
                    scratch[j] = 0
            matched[i] = accept(code, jt, jf, k, scratch, data, offset[i], cap_len[i], length[i]) != 0


def _cells(array: NDArray[Any]) -> Any:
    """`array` as the loop takes it: uncompiled it wants Python's own integers."""
    whole = np.ascontiguousarray(array)
    return whole if cython.compiled else whole.data


def run(program: Program, frames: Frames) -> NDArray[np.bool_]:
    """Which frames the program accepts: bool of shape (n,)."""
    matched = np.zeros(len(frames), np.uint8)
    scratch = np.zeros(SCRATCH, np.uint32)
    clear = bool(np.isin(program.code, (0x60, 0x61)).any())
    accept_all(
        _cells(program.code), _cells(program.jt), _cells(program.jf), _cells(program.k), _cells(scratch),
        memoryview(frames.buffer), _cells(frames.offset), _cells(frames.cap_len), _cells(frames.length), clear,
        _cells(matched),
    )  # fmt: skip
    return matched.view(np.bool_)

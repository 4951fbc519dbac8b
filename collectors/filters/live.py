"""Capture filters as the kernel runs them: the program to attach, or to run on the frames where the kernel can't."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from collectors.filters.compile import SNAPLEN, LiveCompiler, compile_filter
from collectors.filters.program import FilterError, Program

_LOADS = (0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1)
_ETHERNET = 1
LINUX_SLL2 = 276
_SLL2_HEADER = 20
# linux/filter.h: SKF_AD_OFF and what stands there.
_ANCILLARY = 0xFFFFF000
_OF_HEADER = {0: _ANCILLARY, 4: _ANCILLARY + 8, 8: _ANCILLARY + 28, 10: _ANCILLARY + 4}
"""Where the kernel has the fields of an SLL2 header, which no packet has yet: protocol, ifindex, ARPHRD_, pkttype."""
_RETURN = 0x06


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """`kernel` is to be attached; `after`, if not None, to be run on the frames that come then."""

    kernel: Program
    after: Program | None


def take_all(snaplen: int) -> Program:
    """Takes every packet, up to `snaplen` bytes of it."""
    return Program.of([(_RETURN, 0, 0, snaplen)])


def take_none() -> Program:
    """Takes no packet."""
    return Program.of([(_RETURN, 0, 0, 0)])


def with_snaplen(program: Program, snaplen: int) -> Program:
    """`program`, which takes `snaplen` bytes of what it accepts."""
    return replace(program, k=np.where((program.code == _RETURN) & (program.k != 0), np.uint32(snaplen), program.k))


def for_cooked(program: Program) -> Program:
    """A program for frames of LINKTYPE_LINUX_SLL2, as a socket without link-layer header needs it.

    Raises FilterError when it asks for what such a socket does not give.
    """
    k = program.k.copy()
    for at in np.flatnonzero(np.isin(program.code, _LOADS)):
        offset = int(k[at])
        if offset >= _ANCILLARY:
            continue
        if offset >= _SLL2_HEADER:
            k[at] = offset - _SLL2_HEADER
        elif program.code[at] in (0x20, 0x28, 0x30) and offset in _OF_HEADER:
            k[at] = _OF_HEADER[offset]
        else:
            raise FilterError("asks for addresses of the link layer, which the kernel does not give here")
    return replace(program, k=k)


def live_filter(expression: str, linktype: int, snaplen: int, compiler: LiveCompiler | None) -> LiveFilter:
    """The filter of a capture with frames of a LINKTYPE_; an empty expression takes all. Raises FilterError.

    On Ethernet only a `compiler` that is open on an interface knows what the kernel does to VLAN tags; without one the
    kernel takes all, and the filter is run on the frames, as it is where the kernel can't run it.
    """
    if not expression.strip():
        return LiveFilter(take_all(snaplen), None)
    if linktype == _ETHERNET:
        if compiler is None:
            return after_the_kernel(expression, linktype)
        return LiveFilter(with_snaplen(compiler.compile(expression), snaplen), None)
    program = compile_filter(expression, linktype)
    if linktype == LINUX_SLL2:
        try:
            program = for_cooked(program)
        except FilterError:
            return after_the_kernel(expression, linktype)
    return LiveFilter(with_snaplen(program, snaplen), None)


def after_the_kernel(expression: str, linktype: int) -> LiveFilter:
    """The filter where the kernel takes all frames, whole; raises FilterError."""
    return LiveFilter(take_all(SNAPLEN), compile_filter(expression, linktype) if expression.strip() else None)

"""Classic BPF programs (McCanne and Jacobson 1993), checked before they run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCRATCH = 16
"""Words of scratch memory."""
LONGEST = 65_535
"""Instructions of the longest program taken."""

_ALU, _JMP = 0x04, 0x05
_LOADS = {0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1}
_STORES = {0x02, 0x03}
_ARITHMETIC = {op | source | _ALU for op in range(0x00, 0xB0, 0x10) for source in (0, 8) if op != 0x80} | {0x84}
_JUMPS = {0x05} | {op | source | _JMP for op in (0x10, 0x20, 0x30, 0x40) for source in (0, 8)}
_RETURNS = {0x06, 0x16}
_MOVES = {0x07, 0x87}
_KNOWN = _LOADS | _STORES | _ARITHMETIC | _JUMPS | _RETURNS | _MOVES
_SCRATCH_CODES = {0x60, 0x61, 0x02, 0x03}
_ANCILLARY = 0xFFFFF000


class FilterError(Exception):
    """A capture filter that can't be used: what, where, what to do, in one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A valid program: `code` uint16, `jt` and `jf` uint8, `k` uint32, each of shape (instructions,)."""

    code: NDArray[np.uint16]
    jt: NDArray[np.uint8]
    jf: NDArray[np.uint8]
    k: NDArray[np.uint32]

    @classmethod
    def of(cls, instructions: Iterable[tuple[int, int, int, int]]) -> Program:
        """The program of `(code, jt, jf, k)` instructions; raises FilterError for one that the kernel would refuse."""
        rows = [(code & 0xFFFF, jt, jf, k & 0xFFFFFFFF) for code, jt, jf, k in instructions]
        _check(rows)
        code, jt, jf, k = zip(*rows, strict=True)
        return cls(np.array(code, np.uint16), np.array(jt, np.uint8), np.array(jf, np.uint8), np.array(k, np.uint32))

    @property
    def ancillary(self) -> bool:
        """Whether it loads what only the kernel knows of a packet (direction, interface): no match in a file."""
        loads = np.isin(self.code, (0x20, 0x28, 0x30, 0x40, 0x48, 0x50))
        return bool((self.k[loads] >= _ANCILLARY).any())


def _check(rows: list[tuple[int, int, int, int]]) -> None:
    """Raise FilterError unless every instruction is known and every path ends, by jumps forward, at a return."""
    if not 0 < len(rows) <= LONGEST:
        raise FilterError(f"a BPF program of {len(rows)} instructions; it needs 1 to {LONGEST}")
    for at, (code, jt, jf, k) in enumerate(rows):
        if code not in _KNOWN:
            raise FilterError(f"BPF instruction {at} has the unknown code 0x{code:02x}")
        if code in _SCRATCH_CODES and k >= SCRATCH:
            raise FilterError(f"BPF instruction {at} uses scratch word {k}; the last is {SCRATCH - 1}")
        if code in (0x34, 0x94) and k == 0:
            raise FilterError(f"BPF instruction {at} divides by zero")
        if code in (0x64, 0x74) and k >= 32:
            raise FilterError(f"BPF instruction {at} shifts by {k} bits")
        furthest = 0 if code not in _JUMPS else k if code == 0x05 else max(jt, jf)
        if code == 0x05 and k >= 1 << 31:
            raise FilterError(f"BPF instruction {at} jumps back, which no kernel allows (protochain does that)")
        if at + 1 + furthest >= len(rows) and code in _JUMPS:
            raise FilterError(f"BPF instruction {at} jumps past the end of the program")
    if rows[-1][0] not in _RETURNS:
        raise FilterError("a BPF program that does not end in a return")

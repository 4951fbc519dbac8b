"""Connection attempts of one tick, out of the parts of all shards: who tried which service, and what came of it.

Arrays throughout: a capture may have a million attempts in a window, of which few end in vain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.columns import Columns
from pipeline.schema.windows import PART_KINDS

_FRAMES = PART_KINDS.index("frames")
_TCP = 6


@dataclass(slots=True)
class Attempts:
    """One row for each conversation and window with SYNs, or with what corrects them; `tick` ascends.

    `source`, `target`: addresses, shape (rows,), dtype V16; `port` of the target; `time`: begin of the window, ns.
    `tried`: there was a SYN, so it is an attempt. `failed` is 1 where it was refused or is unanswered, -1 where one
    that was told as unanswered was answered after all. `refused`: by RST or ICMP. `bare`: the client sent nothing but
    SYNs (and resets), and was not refused. `dumb`: the server reset it, or closed its window, and sent no data.
    """

    tick: NDArray[np.uint32]
    time: NDArray[np.int64]
    source: NDArray[np.void]
    target: NDArray[np.void]
    port: NDArray[np.uint16]
    tried: NDArray[np.bool_]
    failed: NDArray[np.int8]
    refused: NDArray[np.bool_]
    bare: NDArray[np.bool_]
    dumb: NDArray[np.bool_]

    def of(self, which: Any) -> Attempts:
        """Those rows alone."""
        return Attempts(*(getattr(self, name)[which] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.tick)


def attempts_of(parts: Columns) -> Attempts:
    """The attempts in parts. Of a conversation that both sides opened (RFC 9293, section 3.5) both are one."""
    tcp = (parts.values("ip.proto") == _TCP) & (parts.values("shoal.part.kind") == _FRAMES)
    sides = []
    for mine, other in (("a", "b"), ("b", "a")):
        syns, unanswered, refused = (
            parts.values(f"shoal.{mine}.{name}").view("i4") for name in ("syns", "syns_unanswered", "refused")
        )
        which = np.flatnonzero(tcp & ((syns != 0) | (unanswered != 0) | (refused != 0)))
        sides.append(_side(parts, which, mine, other))
    both = Attempts(*(
        np.concatenate([getattr(side, name) for side in sides]) for name in Attempts.__slots__
    ))
    return both.of(np.argsort(both.tick, kind="stable"))


def _side(parts: Columns, which: NDArray[np.intp], mine: str, other: str) -> Attempts:
    def count(side: str, name: str) -> NDArray[np.int64]:
        # Corrections are two's complement.
        cells = parts.values(f"shoal.{side}.{name}")[which]
        signed: NDArray[np.int64] = cells.view(f"i{cells.dtype.itemsize}").astype(np.int64)
        return signed

    def address(side: str) -> NDArray[np.void]:
        cells = np.ascontiguousarray(parts.values(f"shoal.{side}.address")[which])
        return cells.view("V16")[:, 0]

    syns, refused, resets = count(mine, "syns"), count(mine, "refused"), count(mine, "resets")
    failed = np.sign(refused + count(mine, "syns_unanswered")).astype(np.int8)
    silent = (count(other, "segments") == 0) & (count(mine, "segments") > 0)
    return Attempts(
        parts.values("shoal.window.tick")[which].view("u4"), parts.values("shoal.window.time").view("i8")[which],
        address(mine), address(other), parts.values(f"shoal.{other}.port")[which].view("u2"),
        syns > 0, failed, refused > 0,
        (syns > 0) & (refused <= 0) & (count(mine, "packets") <= syns + resets),
        (syns > 0) & silent & ((count(other, "resets") > 0) | (count(other, "tcp.zero_window") > 0)),
    )  # fmt: skip


def services(attempts: Attempts) -> tuple[list[bytes], NDArray[np.intp]]:
    """The services that were tried (address, and 2 bytes of port, most significant first), each once, and of each row
    which of them."""
    _, first, at = np.unique(_mixed(attempts.target, attempts.port), return_index=True, return_inverse=True)
    ports = attempts.port[first].astype(">u2").tobytes()
    keys = [
        bytes(target) + ports[2 * k : 2 * k + 2] for k, target in enumerate(attempts.target[first].tolist())
    ]
    return keys, at


def once(attempts: Attempts) -> Attempts:
    """Of the attempts of one host at one service the last one alone."""
    source = _mixed(attempts.source, attempts.port)
    keys = _mixed(attempts.target, attempts.port) ^ (source << np.uint64(1) | source >> np.uint64(63))
    _, last = np.unique(keys[::-1], return_index=True)
    return attempts.of(np.sort(len(attempts) - 1 - last))


def _mixed(addresses: NDArray[np.void], ports: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """A number for address and port: equal for equal ones, and for others but by a chance of 2^-64. Sorting numbers is
    far quicker than sorting addresses."""
    halves = np.ascontiguousarray(addresses).view("<u8").reshape(len(addresses), 2)
    mixed = ports.astype(np.uint64)
    for half in (halves[:, 0], halves[:, 1]):
        mixed = (mixed ^ half) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return mixed

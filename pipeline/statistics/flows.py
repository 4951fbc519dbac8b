"""`-z tcp,flows`: each TCP conversation in its newest state, a line each in the order of `tcp.stream`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns

_HEAD = (
    "TCP flows: the client sends to the right; again: segments really sent again; RTT: of the handshake\n"
    f"{'stream':>6}  {'client':<24} {'server':<24} {'seconds':>10} {'packets':>15} {'payload bytes':>23} {'again':>11}"
    f" {'RTT ms':>9}  ending\n"
)


def _ends(columns: Columns, row: int, where: str) -> str:
    """Address and port as they are written together (RFC 5952, section 6)."""
    four = columns.present("ip.src")
    assert four is not None
    port = columns.values(f"tcp.{where}port")[row]
    if four[row]:
        return f"{ipaddress.IPv4Address(int(columns.values(f'ip.{where}')[row]))}:{port}"
    return f"[{ipaddress.IPv6Address(bytes(columns.values(f'ipv6.{where}')[row]))}]:{port}"


class FlowList:
    """Keeps the newest line of each conversation; they are a few hundred bytes each."""

    def __init__(self) -> None:
        self._lines: dict[int, str] = {}
        self._all = False
        self._kept: set[int] = set()

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Note the conversations that have a row which `keep` marks: they are shown, whole."""
        if keep is None:
            self._all = True
            return
        present = columns.present("tcp.stream")
        assert present is not None
        self._kept.update(columns.values("tcp.stream")[keep & present].tolist())

    def lines(self) -> Iterator[bytes]:
        """The table; the engine has finished."""
        yield _HEAD.encode()
        for stream in sorted(self._lines):
            if self._all or stream in self._kept:
                yield self._lines[stream].encode()

    def take(self, rows: Columns) -> None:
        """Keep the newest line of each conversation."""

        def both(name: str) -> list[tuple[Any, Any]]:
            one, two = (rows.values(f"shoal.{side}.{name}").tolist() for side in ("client", "server"))
            return list(zip(one, two, strict=True))

        tcp, timed = rows.present("tcp.stream"), rows.present("tcp.analysis.initial_rtt")
        assert tcp is not None
        assert timed is not None
        first, last = (rows.values(f"shoal.{name}_time").view(np.int64) for name in ("first", "last"))
        seconds = (last - first) / 1e9
        streams, endings = rows.values("tcp.stream").tolist(), rows.values("shoal.tcp.ending").tolist()
        rtt = rows.values("tcp.analysis.initial_rtt").view(np.int64) / 1e6
        packets, payload = both("packets"), both("payload_bytes")
        again = [
            (one + two, three + four)
            for (one, three), (two, four) in zip(both("resent"), both("resent_needlessly"), strict=True)
        ]
        for row in np.flatnonzero(tcp).tolist():
            pair = [f"{one} > < {two}" for one, two in (packets[row], payload[row], again[row])]
            self._lines[streams[row]] = (
                f"{streams[row]:>6}  {_ends(rows, row, 'src'):<24} {_ends(rows, row, 'dst'):<24}"
                f" {seconds[row]:>10.6f} {pair[0]:>15} {pair[1]:>23} {pair[2]:>11}"
                f" {f'{rtt[row]:.3f}' if timed[row] else '':>9}  {rows.texts[endings[row]]}\n"
            )

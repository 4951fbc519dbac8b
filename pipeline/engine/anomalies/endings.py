"""How conversations ended, as anomalies: what the words of `shoal.tcp.ending` say of a host or of a way."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import numpy as np

from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns

MOST_REMEMBERED = 65_536
"""Conversations whose ending is remembered as told; the one told first is forgotten for one more, and would only be
told again if a later row of it told the same."""

OUTAGE = "network-outage"

ENDINGS: dict[str, tuple[str, str]] = {
    "server process gone: closed by the server, then data reset": ("server-killed", "server"),
    "peer gone: data resent unanswered": ("host-silent", "silent"),
    "peer gone: window probes unanswered": ("host-silent", "silent"),
    "peer gone: keep-alives unanswered": ("keep-alive-failed", "silent"),
    "server rebooted: reset of a connection it no longer knew": ("host-rebooted", "server"),
    "refused: the port is closed": ("port-closed", "server"),
    "refused: ICMP port unreachable": ("port-closed", "server"),
}
"""Words of an ending to the anomaly, and to the side that it is about: the silent one is whom the other asked in vain.
A client that resets what it no longer knows is mostly a program that had closed, so it is not among them."""


class Endings:
    """Remembers what was told of which conversation, by its first frame."""

    def __init__(self) -> None:
        self._told: dict[int, list[str]] = {}

    def told(self, columns: Columns) -> list[Sighting]:
        """Sightings of rows of `FLOW_STATES`: those whose ending, or outage, is new."""
        texts = columns.texts
        codes = [code for code, text in enumerate(texts) if text in ENDINGS]
        ending = columns.values("shoal.tcp.ending")
        outages = columns.values("shoal.tcp.outages").astype(np.int64)
        there = columns.present("shoal.tcp.ending")
        assert there is not None
        rows = np.flatnonzero(there & (np.isin(ending, codes) | (outages > 0)))
        found: list[Sighting] = []
        for row in rows.tolist():
            words = texts[ending[row]]
            names = [ENDINGS[words][0]] if words in ENDINGS else []
            if outages[row]:
                names.append(OUTAGE)
            first = int(columns.values("shoal.first_frame")[row])
            known = self._told.get(first)
            for name in names:
                if known is None or name not in known:
                    known = self._remember(first, name)
                    found.append(_sighting(columns, row, name, words))
        return found

    def _remember(self, first: int, name: str) -> list[str]:
        known = self._told.get(first)
        if known is None:
            if len(self._told) >= MOST_REMEMBERED:
                del self._told[next(iter(self._told))]
            known = self._told[first] = []
        known.append(name)
        return known

    def state(self) -> Tree:
        """All that is known."""
        return {"told": [[first, names] for first, names in self._told.items()]}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._told = {first: list(names) for first, names in state["told"]}


def _sighting(columns: Columns, row: int, name: str, words: str) -> Sighting:
    ends: dict[str, str] = {}
    four = columns.counts("ip.src")
    for side, where in (("client", "src"), ("server", "dst")):
        if four is not None and four[row]:
            ends[side] = str(IPv4Address(int(columns.values(f"ip.{where}")[row])))
        else:
            ends[side] = str(IPv6Address(columns.values(f"ipv6.{where}")[row].tobytes()))
    port, stream = int(columns.values("tcp.dstport")[row]), int(columns.values("tcp.stream")[row])
    client = f"{ends['client']}:{int(columns.values('tcp.srcport')[row])}"
    if name == OUTAGE:
        entity = f"{ends['client']} > {ends['server']}"
        longest = int(columns.values("shoal.tcp.outage_max").view("i8")[row]) / 1e9
        said = f"{client} to {ends['server']}:{port}: data stayed unanswered for {longest:.1f} s, and then was answered"
    else:
        about = ENDINGS[words][1]
        if about == "silent":
            about = _silent(columns, row)
        entity = ends[about]
        said = f"{client} to {ends['server']}:{port}: {words}"
    return Sighting(
        name, 0, int(columns.values("shoal.last_frame")[row]),
        int(columns.values("shoal.last_time").view("i8")[row]), entity, said, f"tcp.stream == {stream}",
    )  # fmt: skip


def _silent(columns: Columns, row: int) -> str:
    """The side of which nothing came any more: the other has sent more again, or more keep-alives."""
    tries = [
        sum(int(columns.values(f"shoal.{side}.{what}")[row]) for what in ("resent", "keep_alive", "zero_window_probe"))
        for side in ("client", "server")
    ]
    return "server" if tries[0] >= tries[1] else "client"

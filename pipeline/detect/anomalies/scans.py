"""Scans: one host tries many ports of another, or one port of many hosts, and hardly any answers.

What is kept are the attempts in vain of the last minutes, by who made them, so that a slow scan is seen too, and of who
made some of these also those that were answered: where most answers, it is no scan. A host that scans is told once for
each span of its name's suppression, by what it was seen to do first.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

import numpy as np

from pipeline.detect.anomalies.attempts import Attempts, once
from pipeline.detect.anomalies.words import address_of, host_filter
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import ANOMALIES, Sighting

SECOND = 1_000_000_000

PAST = 300 * SECOND
"""How long (ns) an attempt counts: a scan slower than its least number in this time is not seen."""
PORTS = 20
"""Ports of one host that were tried in vain."""
HOSTS = 30
"""Hosts of which one port was tried in vain."""
VAIN_SHARE = 0.8
"""Of the ports (hosts) tried, so many answered nothing."""
SUSPECT = 10
"""Attempts in vain from which on those that are answered are kept too: few hosts make so many."""

MOST_SOURCES = 16_384
"""Hosts with attempts in vain that are kept; those that came first are forgotten for more."""
MOST_TRIED = 4096
"""Ports and hosts that are kept of one of them."""
MOST_ANSWERED = 1024
"""Of those that answered."""

_PORT_SCAN, _HOST_SCAN = "port-scan", "host-scan"

_Tried = dict[tuple[bytes, int], int]
"""Host and port to the begin of the last window with an attempt."""


@dataclass(slots=True)
class _Source:
    """What a host tried: in vain, and with an answer; the newest window of these; since when it is known to scan, and
    as what."""

    vain: _Tried = field(default_factory=dict)
    answered: _Tried = field(default_factory=dict)
    last: int = 0
    since: int = 0
    name: str = ""


class Scans:
    """Follows who tries what in vain. `forgotten` counts hosts that were forgotten at the cap."""

    def __init__(self) -> None:
        self._sources: OrderedDict[bytes, _Source] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        """Hosts of which something is kept."""
        return len(self._sources)

    def tick(self, number: int, frame: int, now: int, attempts: Attempts) -> list[Sighting]:
        """Take the attempts told at a tick, without those at flooded services; gives who scans."""
        touched = self._take(attempts)
        told = []
        for source in sorted(touched):
            found = self._sources.get(source)
            if found is None:
                continue
            for tried in (found.vain, found.answered):
                for key in [key for key, time in tried.items() if time < now - PAST]:
                    del tried[key]
            if one := self._judge(number, frame, source, found, touched[source]):
                told.append(one)
        self._forget(now)
        return told

    def scanning(self, attempts: Attempts) -> np.ndarray:
        """Which of the attempts (bool, shape (rows,)) are of hosts that scan."""
        scanners = [source for source, found in self._sources.items() if found.name]
        if not scanners:
            return np.zeros(len(attempts), np.bool_)
        return np.isin(attempts.source, np.array(scanners, "V16"))

    def _take(self, attempts: Attempts) -> dict[bytes, int]:
        """Note the attempts; gives who made one in vain, and how many."""
        touched: dict[bytes, int] = {}
        # What is taken back was told as unanswered, and then answered.
        taken_back = attempts.failed < 0
        suspects = [
            source for source, found in self._sources.items()
            if len(found.vain) >= SUSPECT and len(found.answered) < MOST_ANSWERED
        ]
        if suspects:
            taken_back |= (attempts.failed == 0) & np.isin(attempts.source, np.array(suspects, "V16"))
        answered = once(attempts.of(taken_back))
        for source, target, port, time in sorted(_each(answered, np.arange(len(answered)))):
            found = self._sources.get(source)
            if found is None:
                continue
            found.vain.pop((target, port), None)
            if len(found.answered) < MOST_ANSWERED:
                found.answered[target, port] = time
        vain = np.flatnonzero(attempts.failed > 0)
        # Sorted, so that at the caps the order of the shards is nothing.
        for source, target, port, time in sorted(_each(attempts, vain)):
            found = self._sources.get(source)
            if found is None:
                if len(self._sources) >= MOST_SOURCES:
                    self._sources.popitem(last=False)
                    self.forgotten += 1
                found = self._sources[source] = _Source()
            touched[source] = touched.get(source, 0) + 1
            found.last = max(found.last, time)
            if len(found.vain) < MOST_TRIED or (target, port) in found.vain:
                found.vain[target, port] = max(time, found.vain.get((target, port), 0))
        return touched

    def _judge(self, number: int, frame: int, source: bytes, found: _Source, more: int) -> Sighting | None:
        """What a host does that made `more` attempts in vain, as far as it is what it was told of before."""
        if len(found.vain) < min(PORTS, HOSTS):
            return None
        ports = Counter(target for target, _ in found.vain)
        hosts = Counter(port for _, port in found.vain)
        host, tried = min(ports.items(), key=lambda item: (-item[1], item[0]))
        port, reached = min(hosts.items(), key=lambda item: (-item[1], item[0]))
        scans = {
            _PORT_SCAN: tried >= PORTS and _hardly(tried, sum(end == host for end, _ in found.answered)),
            _HOST_SCAN: reached >= HOSTS and _hardly(reached, sum(of == port for _, of in found.answered)),
        }
        is_scan = [name for name in scans if scans[name] and found.name in ("", name)]
        if not is_scan:
            return None
        # Many ports of many hosts are told as what there is more of.
        name = _HOST_SCAN if len(is_scan) == 2 and reached > tried else is_scan[0]
        by_port = name == _HOST_SCAN
        times = [time for (end, of), time in found.vain.items() if (of == port if by_port else end == host)]
        begins = not found.name
        if begins:
            found.name, found.since = name, min(times)
            more = reached if by_port else tried
        who, end = address_of(source), address_of(host)
        if by_port:
            said = f"{who} tried port {port} of {reached} hosts within {PAST // SECOND} s, and hardly any answered"
            shows = f"{host_filter(who, 'src')} && tcp.dstport == {port} && tcp.flags.syn == 1"
        else:
            said = f"{who} tried {tried} ports of {end} within {PAST // SECOND} s, and hardly any answered"
            shows = f"{host_filter(who)} && {host_filter(end)} && tcp.flags.syn == 1"
        return Sighting(name, number - 1, frame, min(times) if begins else max(times), who, said, shows, more)

    def _forget(self, now: int) -> None:
        """Let go of what is over."""
        over: list[bytes] = []
        for source, found in self._sources.items():
            if found.name and now - found.since > ANOMALIES[found.name].suppression * SECOND:
                found.name = ""
            if not found.name and (found.last < now - PAST or not found.vain):
                over.append(source)
        for source in over:
            del self._sources[source]

    def state(self) -> Tree:
        """All that is known."""
        return {
            "forgotten": self.forgotten,
            "sources": [[source, found.last, found.since, found.name, _listed(found.vain), _listed(found.answered)]
                        for source, found in self._sources.items()],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.forgotten = state["forgotten"]
        self._sources = OrderedDict(
            (source, _Source(_tried(vain), _tried(answered), last, since, name))
            for source, last, since, name, vain, answered in state["sources"]
        )


def _hardly(vain: int, answered: int) -> bool:
    return vain >= VAIN_SHARE * (vain + answered)


def _each(attempts: Attempts, which: np.ndarray) -> zip[tuple[bytes, bytes, int, int]]:
    """Source, target, port and time of each of the attempts."""
    return zip(attempts.source[which].tolist(), attempts.target[which].tolist(), attempts.port[which].tolist(),
               attempts.time[which].tolist(), strict=True)  # fmt: skip


def _listed(tried: _Tried) -> list[list[object]]:
    return [[host, port, time] for (host, port), time in tried.items()]


def _tried(listed: list[list[object]]) -> _Tried:
    return {(host, port): time for host, port, time in listed}  # type: ignore[misc]

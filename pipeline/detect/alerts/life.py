"""An alert while it is open: what is known of it, and its row of `ALERT_STATES`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.detect.alerts.evidence import Evidence
from pipeline.detect.rules.entities import Entity
from pipeline.schema.alerts import STATES

MOST_MEMBERS = 100
"""Entities of a group that an alert names."""

Row = dict[str, Any]
"""A row of `ALERT_STATES`, as `pipeline.engine.exchanges.rows.fill` takes it."""


@dataclass(slots=True)
class Alert:
    """Times in ns since 1970. `bad`: end of the last window that was not good; `covered`: up to where its evidence was
    gathered; `told`: the capture's time at its last row; `version`: of that row, 0 for none. `windows` have gone into
    `during`, the sums of the rule's columns; `before` are their means before, of `learnt` windows. `figure` is the
    worst so far. `fresh`: a window came since the last row, `urgent`: more than that did."""

    rule: str
    entity: Entity
    turn: int
    opened: int
    begins: int
    ends: int
    bad: int
    severity: int
    covered: int = 0
    told: int = 0
    version: int = 0
    figure: float = 0.0
    windows: int = 0
    during: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    learnt: float = 0.0
    members: list[str] = field(default_factory=list)
    said: str = ""
    filter: str = ""
    sql: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    fresh: bool = False
    urgent: bool = True

    def join(self, member: str) -> None:
        """A raised entity that this one explains."""
        if member not in self.members and len(self.members) < MOST_MEMBERS:
            self.members.append(member)
            self.members.sort()
            self.urgent = True

    def rise(self, severity: int) -> None:
        """It is that grave, or graver."""
        if severity > self.severity:
            self.severity = severity
            self.urgent = True

    def identity(self, sensor: str, capture: str) -> str:
        """16 hexadecimal digits."""
        entity = self.entity
        of = (sensor, capture, self.rule, str(entity.kind), entity.host.hex(), entity.peer.hex(), str(entity.proto),
              str(entity.port), entity.name, str(self.turn), str(self.opened))
        return hashlib.blake2b("\0".join(of).encode(), digest_size=8).hexdigest()

    def row(self, sensor: str, capture: str, past: bool, counts: Row, closed: int = 0) -> Row:
        """Its next row; `closed` (ns) ends it."""
        self.version += 1
        self.fresh = self.urgent = False
        entity = self.entity
        row: Row = {
            "shoal.alert.id": self.identity(sensor, capture), "shoal.alert.version": self.version,
            "shoal.alert.rule": self.rule, "shoal.alert.state": STATES.index("closed" if closed else "open"),
            "shoal.alert.severity": self.severity, "shoal.alert.past": int(past), "shoal.alert.opened": self.opened,
            "shoal.alert.begins": self.begins, "shoal.alert.ends": self.ends, "shoal.alert.kind": entity.kind,
            "shoal.alert.entity": sensor if entity.text == "sensor" else entity.text, "shoal.alert.host": entity.host,
            "shoal.alert.peer": entity.peer, "shoal.alert.proto": entity.proto, "shoal.alert.port": entity.port,
            "shoal.alert.said": self.said, "shoal.alert.filter": self.filter, "shoal.alert.sql": self.sql,
            "shoal.alert.counts": json.dumps(counts, ensure_ascii=False),
            "shoal.alert.members": json.dumps(self.members, ensure_ascii=False), **self.evidence.worst(),
        }  # fmt: skip
        if closed:
            row["shoal.alert.closed"] = closed
        return row


def packed(alert: Alert) -> str:
    """The alert as text: JSON gives back every number as it was."""
    told = asdict(alert)
    told["entity"] = [of.hex() if isinstance(of, bytes) else of for of in alert.entity]
    told["evidence"] = [
        list(alert.evidence.odd), alert.evidence.near, [[*key, *of] for key, of in alert.evidence.flows.items()],
    ]  # fmt: skip
    return json.dumps(told)


def unpacked(text: str) -> Alert:
    """The alert that `packed` made the text of."""
    told = json.loads(text)
    kind, host, peer, proto, port, name = told["entity"]
    odd, near, flows = told["evidence"]
    told["entity"] = Entity(kind, bytes.fromhex(host), bytes.fromhex(peer), proto, port, name)
    told["evidence"] = Evidence(
        dict.fromkeys((time, resent) for time, resent in odd), near, {(of[0], of[1]): of[2:] for of in flows}
    )
    return Alert(**told)

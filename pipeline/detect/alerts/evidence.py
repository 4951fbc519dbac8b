"""What shows an alert: the display filter and the SQL that select its packets, and its worst flows.

The filter names times as Unix time with nanoseconds (`frame.time_epoch >= 1700000000.000000000`), which tshark compares
exactly. Wireshark's marks and the causes of Shoal differ for some frames; the filter then names these by their times.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from pipeline.detect.alerts.talks import Talks
from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.entities import Entity, address, endpoint
from pipeline.schema.windows import KINDS, MARKS

MOST_ODD = 100
"""Frames that a filter names by their times: with more it is said to be near."""
MOST_FLOWS = 256
"""Flows of an alert that are kept to find the worst among; beyond, the better half is let go."""
TOLD_FLOWS = 16
"""Worst flows that an alert tells."""
_V6 = ":"
_CAUSES = ("shoal.resent", "shoal.resent_needlessly", "shoal.reordered", "shoal.duplicated_by_network")
_RESENT = set(_CAUSES[:2])
# Columns of windows to what selects the frames that they count, as filter and as SQL.
_CLAUSES: dict[str, tuple[str, str]] = {mark: (mark, f"`{mark}`") for mark in MARKS} | {
    "shoal.resets": ("tcp.flags.reset == 1", "`tcp.flags.reset`"),
    "shoal.syns": ("tcp.flags.syn == 1 && tcp.flags.ack == 0", "`tcp.flags.syn` AND NOT `tcp.flags.ack`"),
}


def instant(time: int) -> str:
    """A time (ns since 1970) as display filters have it."""
    return f"{time // 10**9}.{time % 10**9:09}"


def spoken(time: int) -> str:
    """A time in UTC, to the second, or to the nanosecond where it has a fraction."""
    said = datetime.datetime.fromtimestamp(time // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{said}.{time % 10**9:09}" if time % 10**9 else said


def _moment(time: int) -> str:
    whole = datetime.datetime.fromtimestamp(time // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"toDateTime64('{whole}.{time % 10**9:09}', 9, 'UTC')"


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _ends(cell: bytes) -> tuple[str, str, str]:
    said = address(cell)
    return (said, "ipv6", f"toIPv6({quoted(said)})") if _V6 in said else (said, "ip", f"toIPv4({quoted(said)})")


def who_filter(entity: Entity) -> str:
    """The display filter of an entity's packets; empty where it is all of them."""
    kind = KINDS[entity.kind] if entity.kind < len(KINDS) else ""
    if kind in ("", "sensor"):
        return ""
    said, ip, _ = _ends(entity.host)
    if kind == "service":
        proto = "udp" if entity.proto == 17 else "tcp"
        src, dst = f"{ip}.src == {said} && {proto}.srcport", f"{ip}.dst == {said} && {proto}.dstport"
        return f"(({src} == {entity.port}) || ({dst} == {entity.port}))"
    ours = f"{ip}.addr == {said}"
    return ours if kind == "host" else f"{ours} && {ip}.addr == {_ends(entity.peer)[0]}"


def who_sql(entity: Entity) -> str:
    """The condition of SQL on an entity's packets; empty where it is all of them."""
    kind = KINDS[entity.kind] if entity.kind < len(KINDS) else ""
    if kind in ("", "sensor"):
        return ""
    _, ip, cell = _ends(entity.host)
    if kind == "service":
        proto = "udp" if entity.proto == 17 else "tcp"
        return (f"((`{ip}.src` = {cell} AND `{proto}.srcport` = {entity.port})"
                f" OR (`{ip}.dst` = {cell} AND `{proto}.dstport` = {entity.port}))")
    if kind == "host":
        return f"(`{ip}.src` = {cell} OR `{ip}.dst` = {cell})"
    other = _ends(entity.peer)[2]
    return f"((`{ip}.src` = {cell} AND `{ip}.dst` = {other}) OR (`{ip}.src` = {other} AND `{ip}.dst` = {cell}))"


@dataclass(slots=True)
class Evidence:
    """What is gathered of an alert's time: frames of which mark and cause differ (`odd`: time, 1 where sent again), and
    flows: key to segments sent again and segments with payload. `near`: not all odd frames are known."""

    odd: dict[tuple[int, int], None] = field(default_factory=dict)
    near: bool = False
    flows: dict[tuple[int, str], list[int]] = field(default_factory=dict)

    def gather(self, entity: Entity, talks: Talks) -> None:
        """Take what the conversations of the entity in `talks` have."""
        which = talks.among(entity)
        if not which.any():
            return
        self.near |= talks.full_lists(which)
        self.odd |= dict.fromkeys(talks.odd(which))
        if len(self.odd) > 2 * MOST_ODD:
            self.near, self.odd = True, dict.fromkeys(sorted(self.odd)[: 2 * MOST_ODD])
        get = talks.get()
        resent, segments = get("shoal.resent") + get("shoal.resent_needlessly"), get("shoal.segments")
        ids = talks.cells("shoal.flow_id")
        for part in (which & ((resent > 0) | (segments > 0))).nonzero()[0].tolist():
            client, cport, server, sport = talks.ends(part)
            key = (int(ids[part]), f"{endpoint(client, cport)} {endpoint(server, sport)}")
            found = self.flows.setdefault(key, [0, 0])
            found[0] += int(resent[part])
            found[1] += int(segments[part])
        if len(self.flows) > MOST_FLOWS:
            self.flows = dict(self._worst()[: MOST_FLOWS // 2])

    def _worst(self) -> list[tuple[tuple[int, str], list[int]]]:
        return sorted(self.flows.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))

    def worst(self) -> dict[str, list[int] | list[str]]:
        """The columns `worst.*`."""
        flows = self._worst()[:TOLD_FLOWS]
        return {
            "worst.flow_id": [key[0] for key, _ in flows], "worst.flow": [key[1] for key, _ in flows],
            "worst.resent": [max(0, of[0]) for _, of in flows], "worst.segments": [max(0, of[1]) for _, of in flows],
        }

    def differing(self, begin: int, end: int) -> tuple[list[int], list[int], bool]:
        """Times of frames in the span that are marked and were not sent again, and of those that were and are not
        marked; and whether there may be more than these."""
        mine = sorted(odd for odd in self.odd if begin <= odd[0] < end)
        near = self.near or len(mine) > MOST_ODD
        mine = mine[:MOST_ODD]
        return [time for time, resent in mine if not resent], [time for time, resent in mine if resent], near


def counted(rule: Rule) -> tuple[str, ...]:
    """The columns of which the rule tells too many, where it is known which frames they count; else none."""
    of = rule.numerator if rule.kind == "ratio" else rule.value
    names = of.columns if of is not None and not rule.falls else ()
    return names if all(name in _CLAUSES or name in _CAUSES for name in names) else ()


def filter_of(rule: Rule, entity: Entity, begin: int, end: int, evidence: Evidence) -> tuple[str, bool]:
    """The display filter of what is wrong with the entity from `begin` until before `end`; and whether it is only near
    to that: where more frames differ than it can name, or Wireshark has no word for the cause."""
    span = f"frame.time_epoch >= {instant(begin)} && frame.time_epoch < {instant(end)}"
    base = " && ".join(filter(None, (who_filter(entity), span)))
    names = counted(rule)
    marks = [_CLAUSES[name][0] for name in names if name in _CLAUSES]
    if not set(names) & set(_CAUSES):
        return (f"{base} && ({' || '.join(f'({m})' for m in marks)})" if marks else base), False
    if not set(names) >= _RESENT or len(set(names) & set(_CAUSES)) > 2:
        return f"{base} && (tcp.analysis.retransmission || tcp.analysis.out_of_order)", True
    no, yes, near = evidence.differing(begin, end)
    said = "(tcp.analysis.retransmission || tcp.analysis.out_of_order)"
    if no:
        said += f" && !(frame.time_epoch in {{{', '.join(map(instant, no))}}})"
    if yes:
        said = f"(({said}) || frame.time_epoch in {{{', '.join(map(instant, yes))}}})"
    if marks:
        said = f"({' || '.join([f'({said})', *(f'({mark})' for mark in marks)])})"
    return f"{base} && {said}", near


def sql_of(rule: Rule, sensor: str, capture: str, entity: Entity, begin: int, end: int) -> str:
    """The SQL that selects the same packets."""
    wanted = [f"sensor = {quoted(sensor)}", f"capture = {quoted(capture)}",
              f"`frame.time` >= {_moment(begin)}", f"`frame.time` < {_moment(end)}", who_sql(entity)]
    names = counted(rule)
    causes = [quoted(name.removeprefix("shoal.")) for name in _CAUSES if name in names]
    clauses = [f"`shoal.tcp.cause` IN ({', '.join(causes)})"] if causes else []
    clauses += [f"({_CLAUSES[name][1]})" for name in names if name in _CLAUSES]
    wanted.append(f"({' OR '.join(clauses)})" if len(clauses) > 1 else "".join(clauses))
    return f"SELECT * FROM packets WHERE {' AND '.join(filter(None, wanted))} ORDER BY `frame.time`, `frame.number`"

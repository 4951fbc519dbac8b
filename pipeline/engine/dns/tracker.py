"""Queries and responses, paired."""

from __future__ import annotations

from typing import Any

import cython

from pipeline.engine.dns import registry as r
from pipeline.engine.dns.carried import tell_carried, tell_message
from pipeline.engine.dns.message import RESPONSE, Message, Question, read_message
from pipeline.engine.dns.rows import put_message, put_question
from pipeline.engine.dns.stream import Messages
from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.dns import DNS

SECOND = 1_000_000_000

AGAIN = 5 * SECOND
"""A query with the number of one that waits for its response is that query sent again, within this time (ns)."""

PATIENCE = 10 * SECOND
"""A query is told as unanswered after this time (ns)."""

REMEMBERED = 300 * SECOND
"""How long (ns) a query is known, answered or not: for responses that come late or again."""

MOST_QUERIES = 32_768
"""Queries that are remembered."""

_FLOW = 0xFFFF_FFFF_FFFF

_PORTS = {53: "DNS", 5353: "MDNS", 5355: "LLMNR"}

_MASKS = {"DNS": 0xFFFF, "MDNS": 0x7FFF, "LLMNR": 0xFFFF}


def protocol_at(ports: tuple[int, int]) -> str:
    """DNS, MDNS or LLMNR, by the lower of the ports that is one of theirs."""
    one, other = ports
    if one > other:
        one, other = other, one
    return _PORTS.get(one) or _PORTS.get(other) or "DNS"


def _several(questions: list[Question]) -> bool:
    """Whether a query has several responses: it asks for a whole zone."""
    return any(kind in (r.AXFR, r.IXFR) for _, kind, _ in questions)


@cython.cclass
class _Query:
    """A query: `row` until it is told, `question` as it was sent, the frame of the first response (0 before it), and
    what that said: data of its records, the answer's among them, its flags, how often the query had been sent again.
    With `many`, one query has several responses."""

    def __init__(self, frame: int, time: int, side: int, question: bytes) -> None:
        self.frame, self.time, self.side, self.question = frame, time, side, question
        self.response = 0
        self.many = False
        self.row: Row | None = None
        self.said: list[Any] = []


@cython.cclass
class Dns:
    """Takes messages; tells a row of each query with its response.

    The fields of frames follow Wireshark, for which a conversation's response belongs to the last query of its number,
    whoever sent it. In rows, a response comes from the other side and repeats the question.
    """

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._queries: dict[int, _Query] = {}
        self._forgotten = 0

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        if not data:
            return False
        ports = packet.ports
        protocol = protocol_at(ports)
        packet.name(protocol)
        self.message(packet, data, 0, protocol, sure=ports[0] in _PORTS or ports[1] in _PORTS)
        return True

    def quoted(self, packet: Packet, data: bytes, ports: tuple[int, int]) -> None:
        """Tell what the frame, an ICMP error, quotes of a message, which is not taken for one."""
        tell_carried(packet, data, protocol_at(ports))

    def message(self, packet: Packet, data: bytes, base: int, protocol: str, *, shown: bool = True,
                sure: bool = True) -> bool:  # fmt: skip
        """Take the message that begins at `base` of `data`; whether it could be followed to its end.

        Without `shown` it has no fields. One of which it is not `sure` that it is a message must say something, and
        have no fault, to be told as a row.
        """
        found: Message | None = read_message(data, base)
        if found is None:
            return False
        response: cython.bint = found.flags & RESPONSE != 0
        # 64 bits, so that the compiled leg has the same.
        key: cython.ulonglong = (packet.flow & _FLOW) << 16 | found.ident
        query: _Query | None = self._queries.get(key)
        before: cython.ulonglong = query.response if query is not None else 0
        again: cython.bint = False
        if response:
            if query is not None:
                if not query.response:
                    query.response = packet.frame
                else:
                    again = not query.many
        elif query is not None and not before:
            again = packet.time - query.time < AGAIN
        asked: _Query | None = query
        question: bytes = data[base + 12 : found.answered]
        if not response and not again:
            if asked is not None:
                self._told(asked)
                # The youngest is the last.
                del self._queries[key]
            query = self._queries[key] = _Query(packet.frame, packet.time, packet.side, question)
        if query is not None and found.questions and len(found.questions) == found.counts[0]:
            query.many = _several(found.questions)
        if self._out.tells and shown:
            self._tell(packet, found, protocol, query, again)
        if self._out.stores and (sure or (not found.fault and bool(found.questions or found.records))):
            if response:
                self._answered(packet, found, len(data) - base, protocol, query, question, again)
            elif query is not None:
                self._asked(packet, found, len(data) - base, protocol, asked, query, question)
        if not response and not again:
            self._cap(packet)
        return not found.fault

    def _tell(self, packet: Packet, found: Message, protocol: str, query: _Query | None, again: cython.bint) -> None:
        if not tell_message(packet, found, protocol):
            return
        tell = packet.detail
        if not found.flags & RESPONSE:
            if again and query is not None:
                tell("dns.retransmit_request", 1)
                tell("dns.retransmit_request_in", query.frame)
                tell("dns.retransmission", 1)
        elif query is None:
            tell("dns.unsolicited", 1)
        elif again:
            tell("dns.retransmit_response", 1)
            tell("dns.retransmit_response_in", query.response)
            tell("dns.retransmission", 1)
        else:
            tell("dns.response_to", query.frame)
            tell("dns.time", packet.time - query.time)

    def _asked(self, packet: Packet, found: Message, size: cython.Py_ssize_t, protocol: str, asked: _Query | None,
               query: _Query, question: bytes) -> None:  # fmt: skip
        """A query: sent again, or another one, which is waited for if it is `query`."""
        same: cython.bint = asked is not None and asked.side == packet.side and asked.question == question
        if asked is query and same and query.row is not None:
            row = query.row
            row["shoal.dns.retransmissions"] += 1
            row.setdefault("dns_retransmission.frame", []).append(packet.frame)
            return
        row = packet.exchange(DNS)
        row["shoal.request_frame"] = packet.frame
        row["shoal.dns.protocol"] = protocol
        row["dns.id"] = found.ident
        row["shoal.dns.retransmissions"] = 0
        put_question(row, found, _MASKS[protocol])
        put_message(row, found, size, _MASKS[protocol])
        if asked is query:
            # Its number is that of a query which still waits, but it asks something else.
            self._out.row(DNS, row)
            return
        if asked is not None and same and not asked.response:
            row["dns.retransmit_request_in"] = asked.frame
        query.row = row

    def _answered(self, packet: Packet, found: Message, size: cython.Py_ssize_t, protocol: str, query: _Query | None,
                  question: bytes, again: cython.bint) -> None:  # fmt: skip
        """A response: to `query`, if that is of the other side and asked what is answered."""
        mask = _MASKS[protocol]
        if query is not None and (query.side == packet.side or (
            question and query.question != question and query.question.lower() != question.lower()
        )):  # fmt: skip
            query = None
        if query is not None and query.row is not None:
            row = query.row
            query.row = None
            put_message(row, found, size, mask)
            query.said = [
                row.get("dns_record.data", []), row.get("dns_answer.data", []), found.flags,
                row["shoal.dns.retransmissions"],
            ]  # fmt: skip
        else:
            row = packet.exchange(DNS, reverse=True)
            row["shoal.dns.protocol"] = protocol
            row["dns.id"] = found.ident
            put_question(row, found, mask)
            put_message(row, found, size, mask)
            if query is not None:
                row["shoal.request_frame"] = query.frame
                if again:
                    row["dns.retransmission"] = 1
                    row["dns.retransmit_response_in"] = query.response
                    said = query.said[0] if query.said else []
                    row["shoal.dns.differs"] = sorted(said) != sorted(row.get("dns_record.data", ()))
                    # For who watches the rows; no column.
                    row["first response"] = query.said
        row["shoal.response_frame"] = packet.frame
        if query is not None:
            row["shoal.response_time"] = packet.time - query.time
        self._out.row(DNS, row)

    def _told(self, query: _Query) -> None:
        if query.row is not None:
            self._out.row(DNS, query.row)
            query.row = None

    def _cap(self, packet: Packet) -> None:
        """At the cap the oldest query is forgotten."""
        if len(self._queries) > MOST_QUERIES:
            forgotten = self._queries.pop(next(iter(self._queries)))
            self._told(forgotten)
            if not forgotten.response:
                self._forgotten += 1
                self._notes.note("queries-forgotten", packet.row, self._forgotten)

    def dialogue(self, packet: Packet) -> Messages:
        """Messages over TCP."""
        return Messages(self, protocol_at(packet.ports))

    def restored(self, state: Tree) -> Messages:
        """Messages over TCP."""
        messages = Messages(self, state["protocol"])
        messages.sure = list(state["sure"])
        messages.missing, messages.over = list(state["missing"]), list(state["over"])
        return messages

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        old: list[int] = []
        late: cython.longlong = now - PATIENCE
        gone: cython.longlong = now - REMEMBERED
        query: _Query
        for key, query in self._queries.items():
            if query.time <= late:
                self._told(query)
                if query.time <= gone:
                    old.append(key)
        for key in old:
            del self._queries[key]

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for query in self._queries.values():
            self._told(query)
        self._queries.clear()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "forgotten": self._forgotten,
            "queries": [
                [key, q.frame, q.time, q.side, q.question, q.response, q.many, q.row, q.said]
                for key, q in self._queries.items()
            ],
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._forgotten = state["forgotten"]
        self._queries = {}
        for key, frame, time, side, question, response, many, row, said in state["queries"]:
            query = self._queries[key] = _Query(frame, time, side, question)
            query.response, query.many, query.row, query.said = response, many, row, said

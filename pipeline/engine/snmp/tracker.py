"""SNMP's requests with their responses."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.waiting import Key, Waiting
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.snmp import message as m
from pipeline.engine.snmp.message import Message, read_message
from pipeline.engine.ssh.messages import text
from pipeline.schema.exchanges.snmp import SNMP

MOST_WAITING = 65_536
"""Requests that wait for their response."""
PATIENCE = 60_000_000_000
"""How long one may wait, ns."""

_REPORTABLE = 4
_PORT = 161


class Snmp:
    """Takes datagrams; tells a row of each request with its response, and of each trap."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._out = out
        self._asked = Waiting(notes, out, SNMP, "snmp-forgotten", most=MOST_WAITING, patience=PATIENCE)

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        found = read_message(data)
        if found is None:
            return False
        packet.name("SNMP")
        if self._out.tells:
            _tell(packet, found)
        if self._out.stores and (found.pdu is not None or found.encrypted):
            self._message(packet, found, data)
        return True

    def _message(self, packet: Packet, found: Message, data: bytes) -> None:
        key: Key
        if found.version == 3:
            key = (packet.flow, 3, found.ident or 0)
        else:
            key = (packet.flow, 1, found.request or 0)
        if found.encrypted:
            answers = not (found.flags or 0) & _REPORTABLE and packet.ports[0] == _PORT
            alone = not answers and not (found.flags or 0) & _REPORTABLE
        else:
            answers = found.pdu in (m.RESPONSE, m.REPORT)
            alone = found.pdu in (m.TRAP, m.TRAP2)
        if answers:
            row = self._asked.take(key)
            if row is None:
                row = _begin(packet, found, reverse=True)
            else:
                row["shoal.response_time"] = packet.time - row["shoal.first_time"]
            row["shoal.response_frame"] = packet.frame
            if found.pdu is not None:
                row["shoal.snmp.response"] = m.PDUS[found.pdu]
                if len(found.numbers) == 2:
                    row["snmp.error_status"], row["snmp.error_index"] = (n & 0xFFFFFFFF for n in found.numbers)
            _bindings(row, found, data)
            self._out.row(SNMP, row)
            return
        row = _begin(packet, found, reverse=False)
        row["shoal.request_frame"] = packet.frame
        if found.pdu is not None:
            row["shoal.snmp.request"] = m.PDUS[found.pdu]
        _bindings(row, found, data)
        if alone:
            self._out.row(SNMP, row)
        else:
            self._asked.put(key, row, packet.row)

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        self._asked.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self._asked.finish()

    def state(self) -> Tree:
        """All that is known."""
        return {"asked": self._asked.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked.restore(state["asked"])


def _begin(packet: Packet, found: Message, *, reverse: bool) -> Row:
    row = packet.exchange(SNMP, reverse=reverse)
    row["snmp.version"] = found.version & 0xFF
    row["shoal.snmp.encrypted"] = int(found.encrypted)
    if found.community is not None:
        row["snmp.community"] = text(found.community[:256])
    if found.user is not None:
        row["snmp.msgUserName"] = text(found.user[:256])
    if found.engine:
        row["shoal.snmp.engine"] = found.engine[:32].hex()
    ident = found.ident if found.version == 3 else found.request
    if ident is not None:
        row["shoal.snmp.id"] = ident & 0xFFFFFFFF
    return row


def _bindings(row: Row, found: Message, data: bytes) -> None:
    """The bindings of the response, where there are some, else of the request."""
    kept = found.bindings[: m.MOST_BINDINGS]
    if kept:
        row["snmp_binding.name"] = [name for name, _ in kept]
        row["snmp_binding.value"] = [m.value(data, of) for _, of in kept]
        row["shoal.snmp.bindings"] = len(found.bindings)


def _tell(packet: Packet, found: Message) -> None:
    packet.detail("snmp.msgVersion" if found.version == 3 else "snmp.version", found.version)
    if found.community is not None:
        packet.detail("snmp.community", text(found.community))
    if found.ident is not None:
        packet.detail("snmp.msgID", found.ident)
    if found.user is not None:
        packet.detail("snmp.msgUserName", text(found.user))
    if found.pdu is None:
        return
    packet.detail("snmp.data", found.pdu)
    if found.request is not None:
        packet.detail("snmp.request_id", found.request)
    names = ("snmp.non_repeaters", "snmp.max_repetitions") if found.pdu == m.BULK else (
        "snmp.error_status", "snmp.error_index")  # fmt: skip
    for name, number in zip(names, found.numbers, strict=False):
        packet.detail(name, number)
    for name, _ in found.bindings:
        packet.detail("snmp.name", name)

"""Kerberos' requests for tickets with their replies, over UDP and TCP."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Dialogue
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.kerberos import message as m
from pipeline.engine.kerberos.message import Message, read_message
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.kerberos import KERBEROS

PORT = 88
MOST_WAITING = 32_768
"""Requests that wait for their reply."""
PATIENCE = 60_000_000_000
"""How long one may wait, ns."""
MOST_MESSAGE = 1 << 17
"""Bytes of a message over TCP; with a longer one the conversation is not followed."""

_ASKED_BY = {m.AS_REP: (m.AS_REQ,), m.TGS_REP: (m.TGS_REQ,), m.AP_REP: (m.AP_REQ,),
             m.ERROR: (m.AS_REQ, m.TGS_REQ, m.AP_REQ)}


class Kerberos:
    """Takes messages; tells a row of each request with its reply or the error."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._out = out
        self._asked = Waiting(notes, out, KERBEROS, "kerberos-forgotten", most=MOST_WAITING, patience=PATIENCE)

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        return self.message(packet, data, 0)

    def message(self, packet: Packet, data: bytes, at: int) -> bool:
        """Take the message at `at` of `data`; whether it is one."""
        found = read_message(data, at)
        if found is None:
            return False
        packet.name("KRB5")
        if self._out.tells:
            for name, value in found.shown:
                packet.detail(name, value)
        if self._out.stores:
            if found.kind in _ASKED_BY:
                self._answer(packet, found)
            elif found.kind in (m.AS_REQ, m.TGS_REQ, m.AP_REQ):
                self._ask(packet, found)
        return True

    def _ask(self, packet: Packet, found: Message) -> None:
        key = (packet.flow, found.kind)
        waiting = self._asked.get(key)
        if waiting is not None and found.nonce is not None and waiting.get("kerberos.nonce") == found.nonce:
            waiting["shoal.kerberos.repeats"] += 1
            return
        row = packet.exchange(KERBEROS)
        row["shoal.request_frame"], row["shoal.kerberos.repeats"] = packet.frame, 0
        row["shoal.kerberos.request"] = m.KINDS[found.kind]
        for name, text in (("shoal.kerberos.realm", found.realm), ("shoal.kerberos.cname", found.cname),
                           ("shoal.kerberos.sname", found.sname)):  # fmt: skip
            if text:
                row[name] = text
        if found.nonce is not None:
            row["kerberos.nonce"] = found.nonce
        row["shoal.kerberos.preauth"] = int(found.preauth or found.kind != m.AS_REQ)
        if found.etypes:
            row["shoal.kerberos.offered"] = ",".join(map(str, found.etypes))
        self._asked.put(key, row, packet.row)

    def _answer(self, packet: Packet, found: Message) -> None:
        row = None
        for kind in _ASKED_BY[found.kind]:
            row = row or self._asked.take((packet.flow, kind))
        if row is None:
            row = packet.exchange(KERBEROS, reverse=True)
        else:
            row["shoal.response_time"] = packet.time - row["shoal.first_time"]
        row["shoal.response_frame"] = packet.frame
        row["shoal.kerberos.response"] = m.KINDS[found.kind]
        # A reply says what was granted, which is not always what was asked for.
        for name, text in (("shoal.kerberos.realm", found.realm), ("shoal.kerberos.cname", found.cname),
                           ("shoal.kerberos.sname", found.sname)):  # fmt: skip
            if text and (found.kind != m.ERROR or name not in row):
                row[name] = text
        if found.error is not None:
            row["kerberos.error_code"] = found.error & 0xFFFF
            row["shoal.kerberos.error"] = m.ERRORS.get(found.error, str(found.error))
        if found.etype is not None:
            row["shoal.kerberos.etype"] = found.etype & 0xFFFF
        if found.ticket_etype is not None:
            row["shoal.kerberos.ticket_etype"] = found.ticket_etype & 0xFFFF
        self._out.row(KERBEROS, row)

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""
        return KerberosDialogue(self)

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
        found = KerberosDialogue(self)
        found.need[:] = state["need"]
        return found

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        self._asked.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self._asked.finish()

    def state(self) -> Tree:
        """All that is known but the conversations."""
        return {"asked": self._asked.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked.restore(state["asked"])


class KerberosDialogue:
    """Messages with their length in four bytes before them (RFC 4120 section 7.2.2)."""

    def __init__(self, tracker: Kerberos) -> None:
        self._tracker = tracker
        self.need = [4, 4]

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """The message at the beginning, if it is whole."""
        self.need[side] = 4
        if len(data) < 4:
            return 0
        size = 4 + int.from_bytes(data[:4], "big")
        if size > MOST_MESSAGE:
            packet.leave()
            return len(data)
        if size > len(data):
            self.need[side] = size
            return 0
        if not self._tracker.message(packet, data[:size], 4):
            packet.leave()
        return size

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """Where the next message begins is not known."""
        return False

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """A request that waits goes on waiting: its time tells it."""

    def state(self) -> Tree:
        """All that is known of the conversation."""
        return {"need": list(self.need)}

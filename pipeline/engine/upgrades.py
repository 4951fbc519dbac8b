"""Conversations that become TLS on request: IMAP and POP (RFC 2595), XMPP (RFC 6120 5), FTP (RFC 4217), LDAP (RFC 4511
4.14). They are followed up to there, and given up where they go on without it. SMTP has a tracker of its own.
"""

from __future__ import annotations

from pipeline.engine.ber import SEQUENCE, element
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Dialogue, Silent
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

PROTOCOLS = ("imap", "pop", "xmpp", "ftp", "ldap")
PORTS = frozenset((21, 110, 143, 389, 3268, 5222, 5269))
"""Ports of their servers."""

MOST_TAKEN = 64
"""Pieces of a conversation that are looked at for the request."""
MOST_LINE = 8192
"""Bytes of a line, of a tag, of a message of LDAP that are waited for."""

_LDAP_STARTTLS = b"1.3.6.1.4.1.1466.20037"
_LDAP_ANSWER = 0x78


class Upgrades(Silent):
    """Takes the conversations of one of PROTOCOLS; tells no rows."""

    def __init__(self, protocol: str, notes: Notes, out: Outlet) -> None:
        self._protocol = protocol

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""
        source, target = packet.ports
        known = source in PORTS
        server = known if known != (target in PORTS) else source < target
        return UpgradeDialogue(self._protocol, 1 - packet.side if server else packet.side)

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
        found = UpgradeDialogue(self._protocol, 0)
        found.restore(state)
        return found


class UpgradeDialogue:
    """`client` is the side that is it; it `asked` for TLS and has no answer yet, which is known by `mark`."""

    def __init__(self, protocol: str, client: int) -> None:
        self.need = [0, 0]
        self._protocol = protocol
        self._client = client
        self._asked = False
        self._mark = b""
        self._taken = 0

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """Lines, tags or messages, as far as they are whole."""
        if self._taken >= MOST_TAKEN:
            packet.leave()
            return len(data)
        if self._protocol == "xmpp":
            done = self._tags(packet, side, data)
        elif self._protocol == "ldap":
            done = self._message(packet, side, data)
        else:
            done = self._lines(packet, side, data)
        if done:
            self._taken += 1
        elif len(data) > MOST_LINE:
            packet.leave()
        return done

    def _lines(self, packet: Packet, side: int, data: bytes) -> int:
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            line = data[at:end].rstrip().upper()
            at = end + 1
            if side == self._client:
                self._request(line)
            elif self._asked:
                self._answer(packet, line)
                if packet.turned is not None:
                    return at
        return at

    def _request(self, line: bytes) -> None:
        if self._protocol == "imap":
            mark, _, command = line.partition(b" ")
            if command == b"STARTTLS":
                self._asked, self._mark = True, mark + b" "
        elif line == b"STLS" if self._protocol == "pop" else line.startswith((b"AUTH TLS", b"AUTH SSL")):
            self._asked = True

    def _answer(self, packet: Packet, line: bytes) -> None:
        if not line.startswith(self._mark):
            return
        line = line[len(self._mark) :]
        if line.startswith({"imap": b"OK", "pop": b"+OK"}.get(self._protocol, b"234")):
            packet.become("tls")
        elif self._protocol != "ftp" or line[:1] in (b"4", b"5"):
            self._asked = False

    def _tags(self, packet: Packet, side: int, data: bytes) -> int:
        end = data.rfind(b">") + 1
        if side == self._client:
            self._asked = self._asked or data.find(b"<starttls", 0, end) >= 0
        elif self._asked:
            at = data.find(b"<proceed", 0, end)
            if at >= 0:
                packet.become("tls")
                return data.index(b">", at) + 1
            self._asked = data.find(b"<failure", 0, end) < 0
        return end

    def _message(self, packet: Packet, side: int, data: bytes) -> int:
        whole = element(data, 0, 1 << 40)
        start: int = whole.at
        end: int = whole.end
        if whole.tag != SEQUENCE:
            if len(data) >= 10 or (data and data[0] != SEQUENCE):
                packet.leave()
            return 0
        if end > len(data):
            if end > MOST_LINE:
                packet.leave()
            return 0
        if side == self._client:
            if _LDAP_STARTTLS in data[start:end]:
                self._asked = True
            else:
                # Whoever begins with something else has no use for it, but for a look at the server's root.
                self._taken += MOST_TAKEN // 8
        elif self._asked:
            answer = element(data, element(data, start, end).end, end)
            result = element(data, answer.at, answer.end)
            if answer.tag == _LDAP_ANSWER and data[result.at : result.end] == b"\0":
                packet.become("tls")
            else:
                packet.leave()
        return end

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """The answer may have been lost."""
        return not self._asked and self._protocol != "ldap"

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """Nothing is told."""

    def state(self) -> Tree:
        """All that is known of the conversation."""
        return {"client": self._client, "asked": self._asked, "mark": self._mark, "taken": self._taken}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._client, self._asked, self._mark = state["client"], state["asked"], state["mark"]
        self._taken = state["taken"]

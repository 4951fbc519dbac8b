"""One SMTP conversation: what the client asks, and what the server replies."""

from __future__ import annotations

from typing import Protocol

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.smtp.shown import PORTS, Shown
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.smtp import SMTP

MOST_LINE = 4096
"""Bytes of a line that are waited for, twice what extensions have; a longer one is passed over."""
MOST_TEXT = 1024
"""Characters of a reply, of an address, of a parameter that are kept."""
MOST_ASKED = 4096
"""Commands of a conversation without a reply; at the cap the first of them is told without one."""
MOST_SHOWN = 65_536
"""Bytes without the end of a line that Wireshark's view waits for."""

COMMANDS = frozenset(
    b"EHLO HELO LHLO MAIL RCPT DATA BDAT BURL RSET NOOP QUIT VRFY EXPN HELP AUTH STARTTLS ETRN ATRN TURN SEND SOML "
    b"SAML XCLIENT XFORWARD X-EXPS X-LINK2STATE XEXCH50 XADR XSTA XCIR XGEN".split()
)
"""Commands of SMTP, LMTP and their extensions. Of others the words are not kept: they may be a secret of an AUTH whose
beginning was not seen."""

_LINES, _BODY, _CHUNK = 0, 1, 2


class Owner(Protocol):
    """The tracker, as its conversations see it."""

    out: Outlet
    asked: Waiting
    count: int


class SmtpDialogue:
    """`client` is the side that is it, `mode` what its next bytes are, `left` how many are left of a chunk, `size` what
    was read of a message, and `tail` the last bytes of it; `rest` is a side's line that is not whole. `asked` are the
    commands without a reply, first to last, by key and name. `helo`, `sender` and `accepted` are of the mail under
    way; `reply` is what was read of a reply of several lines."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.need = [0, 0]
        self._client = 0
        self._shown: Shown | None = None
        self._mode = _LINES
        self._left = self._size = 0
        self._tail = b""
        self._rest = [b"", b""]
        self._asked: list[tuple[int, str]] = []
        self._greeted = self._challenged = False
        self._helo = self._sender = ""
        self._accepted = 0
        self._reply = ""

    def begin(self, packet: Packet) -> None:
        """It is the conversation of this frame."""
        source, target = packet.ports
        if target in PORTS or source in PORTS:
            self._shown = Shown()
            self._client = packet.side if target in PORTS else 1 - packet.side
        else:
            self._client = packet.side if target < source else 1 - packet.side

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """All of `data`, but where Wireshark waits for the end of its first line."""
        if len(data) < packet.waiting:
            return 0
        client = side == self._client
        shown = self._shown
        waits = shown is not None and not shown.frame(packet, data, request=client, tells=self._owner.out.tells)
        if waits and len(data) < MOST_SHOWN:
            self.need[side] = len(data) + 1
            return 0
        self.need[side] = 0
        if not client:
            return self._responses(packet, data)
        self._requests(packet, data)
        return len(data)

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """A message goes on behind a hole, and so does a chunk that was not all of it; lines begin anew."""
        self.need[side] = 0
        self._rest[side] = b""
        if side != self._client:
            self._give_up()
        elif self._mode == _CHUNK:
            if count < self._left:
                self._left -= count
            else:
                self._mode = _LINES
        elif self._mode == _BODY:
            self._size += count
            self._tail = b""
        return True

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """A server that has ended replies no more."""
        if side != self._client:
            self._give_up()

    def missed(self, packet: Packet, side: int, count: int) -> None:
        """Nothing is passed over."""

    def ended(self) -> None:
        """No more comes."""
        self._give_up()

    def _give_up(self) -> None:
        for key, _ in self._asked:
            self._owner.asked.tell((key,))
        self._asked.clear()
        self._reply = ""

    # The client.

    def _requests(self, packet: Packet, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._mode == _CHUNK:
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
                if not self._left:
                    self._mode = _LINES
            elif self._mode == _BODY:
                at = self._body(packet, data, at)
            else:
                end = data.find(b"\n", at)
                if end < 0:
                    self._rest[self._client] = (self._rest[self._client] + data[at:])[: MOST_LINE + 1]
                    return
                line = self._rest[self._client] + data[at:end]
                self._rest[self._client] = b""
                at = end + 1
                if len(line) <= MOST_LINE:
                    self._command(packet, line.removesuffix(b"\r"))

    def _body(self, packet: Packet, data: bytes, at: int) -> int:
        """Where the message ends, or `data`."""
        piece = self._tail + data[at:]
        end = piece.find(b"\r\n.\r\n")
        if end < 0:
            self._size += len(data) - at
            self._tail = piece[max(0, len(piece) - 4) :]
            return len(data)
        over = end + 5 - len(self._tail)
        self._size += over - 3
        self._mode = _LINES
        row = self._ask(packet, ".")
        row["shoal.smtp.size"] = max(0, self._size)
        return at + over

    def _command(self, packet: Packet, line: bytes) -> None:
        verb, _, parameter = line.partition(b" ")
        verb = verb.upper()
        known = verb in COMMANDS
        if self._challenged or (self._asked and self._asked[len(self._asked) - 1][1] == "AUTH" and not known):
            self._challenged = False
            return
        if not known:
            # Before anything is understood it may be anything.
            if self._greeted or self._helo:
                self._ask(packet, "")
            return
        name = verb.decode()
        if name in ("EHLO", "HELO", "LHLO"):
            self._helo = _text(parameter.strip())
            self._sender, self._accepted = "", 0
        elif name == "MAIL":
            self._sender, self._accepted = _address(parameter), 0
        elif name == "RSET":
            self._sender, self._accepted = "", 0
        row = self._ask(packet, name)
        if name == "AUTH":
            parameter = parameter.strip().partition(b" ")[0]
        if parameter:
            row["smtp.req.parameter"] = _text(parameter)
        if name == "RCPT":
            row["shoal.smtp.to"] = _address(parameter)
        elif name == "DATA":
            self._mode, self._size, self._tail = _BODY, 0, b"\r\n"
        elif name == "BDAT":
            size = parameter.split(b" ")[0].strip()
            if size.isdigit() and len(size) < 16:
                row["shoal.smtp.size"] = self._left = int(size)
                self._mode = _CHUNK if self._left else _LINES

    def _ask(self, packet: Packet, name: str) -> Row:
        owner = self._owner
        row = packet.exchange(SMTP, reverse=packet.side != self._client)
        row["shoal.request_frame"] = packet.frame
        row["shoal.smtp.pipelined"] = int(bool(self._asked))
        if name:
            row["smtp.req.command"] = name
        if self._helo:
            row["shoal.smtp.helo"] = self._helo
        if self._sender and name in ("MAIL", "RCPT", "DATA", "BDAT", "."):
            row["shoal.smtp.from"] = self._sender
        owner.count += 1
        if len(self._asked) >= MOST_ASKED:
            owner.asked.tell((self._asked.pop(0)[0],))
        self._asked.append((owner.count, name))
        owner.asked.put((owner.count,), row, packet.row)
        return row

    # The server.

    def _responses(self, packet: Packet, data: bytes) -> int:
        side = 1 - self._client
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            line = (self._rest[side] + data[at:end]).removesuffix(b"\r")
            self._rest[side] = b""
            at = end + 1
            if len(line) > MOST_LINE or len(line) < 3 or not line[:3].isdigit():
                continue
            if len(self._reply) < MOST_TEXT:
                self._reply = _text(b"\n".join((self._reply.encode(), line[4:])) if self._reply else line[4:])
            if line[3:4] != b"-":
                self._answer(packet, int(line[:3]), self._reply)
                self._reply = ""
                if packet.turned is not None:
                    return at
        self._rest[side] = (self._rest[side] + data[at:])[: MOST_LINE + 1]
        return len(data)

    def _answer(self, packet: Packet, code: int, reply: str) -> None:
        self._challenged = False
        # No command but STARTTLS is answered so: the client did not wait for the greeting.
        early = code == 220 and not self._greeted and self._asked[:1] != [] and self._asked[0][1] != "STARTTLS"
        if early or not self._asked:
            row = packet.exchange(SMTP, reverse=packet.side != self._client)
            if early or not (self._greeted or self._helo):
                row["shoal.smtp.greeting"] = 1
        else:
            key, name = self._asked[0]
            if name == "AUTH" and code == 334:
                self._challenged = True
                return
            del self._asked[0]
            found = self._owner.asked.take((key,))
            if found is None:
                # It was told as unanswered: too long ago, or at the cap.
                return
            row = found
            self._learn(packet, row, name, code)
            row["shoal.response_time"] = packet.time - row["shoal.first_time"]
        self._greeted = True
        row["shoal.response_frame"] = packet.frame
        row["smtp.response.code"] = code
        row["smtp.rsp.parameter"] = reply
        self._owner.out.row(SMTP, row)

    def _learn(self, packet: Packet, row: Row, name: str, code: int) -> None:
        """What a reply says of the mail under way."""
        if name == "RCPT":
            self._accepted += code // 100 == 2
        elif name in ("DATA", "BDAT", "."):
            row["shoal.smtp.recipients"] = self._accepted
            if name == "DATA" and code != 354 and self._mode == _BODY:
                self._mode = _LINES
            elif name == ".":
                self._sender, self._accepted = "", 0
        elif name == "STARTTLS" and code == 220:
            packet.become("tls")

    def state(self) -> Tree:
        """All that is known of the conversation."""
        return {
            "need": list(self.need), "client": self._client, "mode": self._mode, "left": self._left,
            "size": self._size, "tail": self._tail, "rest": list(self._rest), "asked": [list(a) for a in self._asked],
            "greeted": self._greeted, "challenged": self._challenged, "helo": self._helo, "sender": self._sender,
            "accepted": self._accepted, "reply": self._reply,
            "shown": self._shown.state() if self._shown else None,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.need = list(state["need"])
        self._client, self._mode, self._left = state["client"], state["mode"], state["left"]
        self._size, self._tail, self._rest = state["size"], state["tail"], list(state["rest"])
        self._asked = [(key, name) for key, name in state["asked"]]
        self._greeted, self._challenged = state["greeted"], state["challenged"]
        self._helo, self._sender, self._accepted = state["helo"], state["sender"], state["accepted"]
        self._reply = state["reply"]
        self._shown = None
        if state["shown"] is not None:
            self._shown = Shown()
            self._shown.restore(state["shown"])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")[:MOST_TEXT]


def _address(parameter: bytes) -> str:
    """The address of `FROM:<a@b> SIZE=1` or `TO: a@b`; without its source route."""
    _, _, rest = parameter.partition(b":")
    rest = rest.strip()
    if rest.startswith(b"<"):
        rest = rest[1:].partition(b">")[0]
        if rest.startswith(b"@"):
            rest = rest.rpartition(b":")[2]
        return _text(rest)
    return _text(rest.partition(b" ")[0])

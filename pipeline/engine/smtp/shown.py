"""What Wireshark shows of SMTP, a frame at a time. Its view of a conversation is its own: it looks at the frames of
the client and the server as they come, and takes all of a frame for one thing: commands, or a piece of a message."""

from __future__ import annotations

from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree
from pipeline.engine.ssh.messages import text

PORTS = (25, 587)
"""Ports at which Wireshark looks for SMTP."""

_START, _COMMANDS, _DATA, _STARTTLS = 0, 1, 2, 3
_COMMAND, _MESSAGE, _END = 0, 1, 2

# What the client says in AUTH is a name, a password, both, or a piece of NTLM: by what was said before.
(_NO_AUTH, _LOGIN, _NAME_ASKED, _NAME_SAID, _PASSWORD_ASKED, _PASSWORD_SAID, _PLAIN, _PLAIN_ASKED, _PLAIN_SAID,
 _PLAIN_AT_ONCE, _NTLM, _NTLM_ASKED, _NTLM_SAID, _OVER) = range(14)
_ON_334 = {_LOGIN: _NAME_ASKED, _NAME_SAID: _PASSWORD_ASKED, _PLAIN_ASKED: _PLAIN_SAID, _PLAIN: _PLAIN_ASKED,
           _NTLM: _NTLM_ASKED}
_ON_LINE = {_NAME_ASKED: _NAME_SAID, _PASSWORD_ASKED: _PASSWORD_SAID, _PLAIN_ASKED: _PLAIN_SAID,
            _NTLM_ASKED: _NTLM_SAID}
_JUDGED = (_PASSWORD_SAID, _PLAIN_SAID, _NTLM_SAID, _PLAIN_AT_ONCE)
_LONG_COMMANDS = (b"STARTTLS", b"X-EXPS", b"X-LINK2STATE", b"XEXCH50")


def _is_command(word: bytes) -> bool:
    return (len(word) == 4 and word.isalpha()) or word.upper() in _LONG_COMMANDS


def _may_end(data: bytes) -> bool:
    """Whether there is a dot in a line of its own."""
    return b"\n.\r\n" in data or b"\r.\r\n" in data or data.startswith(b".\r\n")


def _number(digits: bytes) -> int:
    """The number at the beginning, as C reads it; 0 without."""
    digits = digits.lstrip()[:12]
    end = 0
    while end < len(digits) and 48 <= digits[end] <= 57:
        end += 1
    return int(digits[:end] or b"0")


class Shown:
    """`pieces` counts those of the message under way; `total` and `read` are bytes announced and seen of chunks."""

    __slots__ = ("_auth", "_crlf", "_last", "_message", "_state", "pieces", "read", "total")

    def __init__(self) -> None:
        self._state = _START
        self._auth = _NO_AUTH
        self._crlf = False
        self._message = False
        self._last = True
        self.pieces = self.read = self.total = 0

    def frame(self, packet: Packet, data: bytes, *, request: bool, tells: bool) -> bool:
        """Tell what is shown of `data`, all that a frame brings; False where it waits for the end of its first line."""
        if request and self._state == _DATA and not self.total and b"\n" in data and not _may_end(data):
            # Most frames of a message.
            self._crlf = data.endswith(b"\r\n")
            self.pieces += 1
            packet.name("SMTP")
            return True
        lines = data.splitlines(keepends=True)
        if len(lines) == 1 and not data.endswith(b"\n"):
            return False
        if request:
            self._request(packet, data, lines, tells)
            return True
        packet.name("SMTP")
        if self._state == _DATA:
            self._crlf = data.endswith(b"\r\n")
        self._response(packet, lines, tells)
        return True

    def _request(self, packet: Packet, data: bytes, lines: list[bytes], tells: bool) -> None:
        kind, more, at = _COMMAND, True, 0
        secret = _NO_AUTH
        tail = data.endswith(b"\r\n")
        for i, line in enumerate(lines):
            if self._state == _DATA:
                ends = (self._crlf and line == b".\r\n") or (line == b"\r\n" and lines[i + 1 : i + 2] == [b".\r\n"])
                self._crlf = tail
                if ends:
                    kind, self._state = _END, _COMMANDS
                    break
                kind = _MESSAGE
                if self.total:
                    self.read += len(data) - at
                    if self.read == self.total:
                        self._state = _COMMANDS
                        more = not self._last
                    break
            else:
                whole = line.endswith(b"\n") or i + 1 < len(lines)
                bare = line.rstrip(b"\r\n") if whole else line
                if _is_command(bare.partition(b" ")[0]):
                    kind = _COMMAND
                    more = self._command(bare, more)
                elif self._auth in _ON_LINE:
                    self._auth = secret = _ON_LINE[self._auth]
                else:
                    kind = _MESSAGE if self._message or self._state == _START else _COMMAND
            at += len(line)
        imf = False
        if kind == _MESSAGE or (kind == _END and at):
            self.pieces += 1
        if kind == _COMMAND:
            if tells:
                self._tell(packet, lines, secret)
            imf = not more and self.pieces > 0 and len(lines) == 1
        elif kind == _END:
            # The frame that ends the last chunk has no message: Wireshark shows it where a line ends it.
            imf = self.pieces > 0
        if kind == _END or not more:
            self.pieces = 0
        packet.name("SMTP/IMF" if imf else "SMTP")

    def _command(self, line: bytes, more: bool) -> bool:
        """Know a command; whether the message goes on."""
        upper = line[:10].upper()
        if upper.startswith(b"DATA"):
            self._state, self._message = _DATA, True
        elif upper.startswith(b"BDAT"):
            # Without a number Wireshark reads on in what follows the frame: it is some number.
            size = _number(line[5:]) if len(line) > 5 else 1 << 31
            self._message = True
            self.total += size
            self._state = _DATA if size else _COMMANDS
            self._last = line.upper().endswith(b"LAST")
            return more and not (self._last and size == 0)
        elif upper == b"AUTH LOGIN":
            self._state, self._auth = _COMMANDS, _LOGIN if len(line) <= 11 else _NAME_SAID
        elif upper == b"AUTH PLAIN":
            self._state, self._auth = _COMMANDS, _PLAIN if len(line) <= 11 else _PLAIN_AT_ONCE
        elif upper[:9] == b"AUTH NTLM" and len(line) > 10:
            self._state, self._auth = _COMMANDS, _NTLM
        elif upper.startswith(b"STARTTLS"):
            self._state = _STARTTLS
        return more

    def _tell(self, packet: Packet, lines: list[bytes], secret: int) -> None:
        if secret == _NTLM_SAID:
            for line in lines:
                packet.detail("smtp.command_line", text(line.rstrip(b"\r\n")))
        if secret:
            return
        for line in lines:
            bare = line.rstrip(b"\r\n")
            packet.detail("smtp.command_line", text(line))
            packet.detail("smtp.req.command", text(bare[:4]))
            if len(bare) > 5:
                packet.detail("smtp.req.parameter", text(bare[5:]))

    def _response(self, packet: Packet, lines: list[bytes], tells: bool) -> None:
        goes_on = False
        for line in lines:
            bare = line.rstrip(b"\r\n")
            if len(bare) < 3 or not bare[:3].isdigit():
                continue
            code = int(bare[:3])
            first = not goes_on
            goes_on = bare[3:4] == b"-"
            if self._state == _STARTTLS:
                self._state = _COMMANDS
            if code == 334:
                self._auth = _ON_334.get(self._auth, self._auth)
            elif self._auth in _JUDGED:
                self._auth = _OVER
            if tells:
                if first:
                    packet.detail("smtp.response.code", code)
                if len(bare) >= 4:
                    packet.detail("smtp.rsp.parameter", text(bare[4:]))

    def state(self) -> Tree:
        """All that is known."""
        return {
            "of": [self._state, self._auth, self._crlf, self._message, self._last, self.pieces, self.read, self.total]
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        (self._state, self._auth, self._crlf, self._message, self._last, self.pieces, self.read,
         self.total) = state["of"]  # fmt: skip

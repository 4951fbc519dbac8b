"""Conversations that a protocol announces before their first packet, as Wireshark's dissectors do.

SIP, MGCP and RTSP name the addresses and ports of media, Skinny too; the RPC portmapper names the port of a program, a
TFTP request the port its file will come to. Whoever meets such an endpoint then, all of it is one `udp.stream`: the
other side's address, or port, or both are left open. SNMP does something else: its first message begins the
conversation anew for all that follows (`ANEW`). FTP names the ends of a TCP connection for its data: that conversation
is there before its SYN (`take`). What goes through a SOCKS proxy has a `tcp.stream` of its own, which
no packet bears (`PROXIED`).

Messages are read where they lie whole in one packet. What is not well formed announces nothing.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

MOST_ANNOUNCED = 100_000
"""Announcements remembered; the oldest is forgotten for one more (counted in `evicted`)."""
MOST_ASKED = 100_000
"""Requests remembered until their reply; the oldest is forgotten for one more."""
MOST_TEXT = 16_384
"""Bytes of a text message that are read."""
MOST_MEDIA = 64
"""Media of one session description, messages of one segment."""

ANEW, DEAF, PROXIED = 1, 2, 4

Endpoint = tuple[int, int, int]
"""Both halves of an address (IPv4 as ::ffff:0:0/96), and a port."""
Wild = tuple[Endpoint, tuple[int, int] | None, int | None]
"""An endpoint, and what is known of the other side: its address, its port."""

_SNMP, _TFTP, _SKINNY, _SOCKS = (161, 162), 69, 2000, 1080
_FTP, _FTP_DATA = 21, 20
_MGCP, _RTSP = (2427, 2727), (554, 8554)
_TOLD = (*_SNMP, _TFTP, _FTP, _SKINNY, *_MGCP, *_RTSP, 111, 5060)
_TFTP_REQUEST = re.compile(rb"\0[\1\2][^\0]+\0(?:netascii|octet|mail)\0", re.IGNORECASE)
# Bytes between the header and the address, by message: OpenReceiveChannelAck and its multimedia form,
# StartMediaTransmission, StartMediaTransmissionAck and its multimedia form.
_SKINNY_ADDRESS = {0x22: 4, 0x31: 4, 0x8A: 8, 0x154: 12, 0x155: 12}
_SKINNY_SAYS_FAMILY = 17
_SIP_FIRST = re.compile(rb"SIP/2\.0 (\d{3})[ \r\n]|[!-~]+ [!-~]+ SIP/2\.0\r?\n")
_SIP_NAMES = {b"c": b"content-type", b"l": b"content-length", b"i": b"call-id"}
_SIP_HEADER = re.compile(rb"\n[ \t\r]*(content-type|content-length|call-id|cseq|[cli])[ \t\r]*:([^\n]*)", re.IGNORECASE)
_BLANK = re.compile(rb"\n\r?\n")
_PART = re.compile(rb"content-type:[ \t]*application/sdp[^\n]*\n", re.IGNORECASE)
_CONNECTION = re.compile(rb"c=IN IP[46] ([0-9A-Fa-f.:]+)")
_MEDIA = re.compile(rb"m=[^ ]+ (\d{1,5})(?:/\d+)? ([^ ]+)")
_CONTROL = re.compile(rb"a=rtcp: ?(\d{1,5})(?!\d)")
_WINDOW = 1 << 20
_RTP = (b"RTP/AVP", b"RTP/SAVP", b"RTP/AVPF", b"RTP/SAVPF", b"UDP/TLS/RTP/SAVP", b"UDP/TLS/RTP/SAVPF")
_TRANSPORT = re.compile(rb"\ntransport:[ \t]*RTP/AVP(?:/UDP)?(;[^\r\n]*)", re.IGNORECASE)
_PORTS = re.compile(rb";(client|server)_port=(\d{1,5})(?:-(\d{1,5}))?(?!\d)", re.IGNORECASE)
_LINE = re.compile(rb"[^\r\n\0]*")
_SIX = re.compile(rb"(?<!\d)(\d{1,9})" + rb",\s*([-+]?\d{1,9})" * 5)
_THREE = re.compile(rb"[^(]*\(([^0-9A-Fa-f.:])\1\1(\d{1,5})(?!\d)[^)]*\)")
_TO = re.compile(rb";destination=([0-9A-Fa-f.:]+)", re.IGNORECASE)


def _address(text: bytes) -> tuple[int, int] | None:
    """The halves of an address given as text; None where it is no address."""
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return None
    value = int(address) | (0xFFFF << 32 if address.version == 4 else 0)
    return value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _host(six: re.Match[bytes]) -> tuple[int, int]:
    """The halves of the address in FTP's six numbers."""
    a, b, c, d = (int(six.group(k)) for k in range(1, 5))
    return 0, 0xFFFF << 32 | (a << 24 | b << 16 | c << 8 | d) & 0xFFFF_FFFF


def _key(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(_key(item) for item in value) if isinstance(value, list) else value


class Announced:
    """What has been announced so far.

    `generation` moves with each change, so that others may keep what they found; `ports` has a bit at each port that
    was ever announced, so that they need not ask for others: 1 for UDP, 2 for TCP. `row` is the row of the batch that
    is being heard, for notes.
    """

    def __init__(self, notes: Notes | None = None) -> None:
        self.evicted = 0
        self.row = 0
        self._notes = notes or Notes()
        self.generation = 0
        self.ports = bytearray(65_536)
        # The frame that announced it, and its `udp.stream`, -1 until it is used.
        self._wild: dict[Wild, list[int]] = {}
        self._asked: dict[tuple[object, ...], int] = {}
        # How many connections between an endpoint and an address are to come.
        self._coming: dict[tuple[Endpoint, tuple[int, int]], int] = {}

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "evicted": self.evicted,
            "generation": self.generation,
            "ports": bytes(self.ports),
            "wild": list(self._wild.items()),
            "asked": list(self._asked.items()),
            "coming": list(self._coming.items()),
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.evicted, self.generation = state["evicted"], state["generation"]
        self.ports[:] = state["ports"]
        self._wild = {_key(key): value for key, value in state["wild"]}
        self._asked = {_key(key): value for key, value in state["asked"]}
        self._coming = {_key(key): value for key, value in state["coming"]}

    def find(self, src: Endpoint, dst: Endpoint) -> list[int] | None:
        """The announcement for a packet from `src` to `dst`: the frame that made it, and its stream or -1."""
        for wild in (
            (src, None, dst[2]), (dst, None, src[2]), (src, dst[:2], None), (dst, src[:2], None),
            (src, None, None), (dst, None, None),
        ):  # fmt: skip
            found = self._wild.get(wild)
            if found is not None:
                return found
        return None

    def take(self, src: Endpoint, dst: Endpoint) -> bool:
        """Whether a TCP connection from `src` to `dst` was announced; it is awaited no longer then."""
        for coming in ((src, dst[:2]), (dst, src[:2])):
            left = self._coming.pop(coming, 0)
            if left > 1:
                self._coming[coming] = left - 1
            if left:
                return True
        return False

    def hear(self, payload: bytes, frame: int, src: Endpoint, dst: Endpoint, seq: int | None) -> int:
        """Take what frame number `frame` announces: 0, or bits: `ANEW`, `PROXIED`; `DEAF` if no more need be heard.

        `seq` is the segment's sequence number, None for UDP.
        """
        tcp = seq is not None
        if seq is not None and self._seen((src, dst), (seq + len(payload)) & 0xFFFF_FFFF):
            return 0
        low = min(src[2], dst[2])
        ports = (src[2], dst[2])
        if low in _SNMP:
            return ANEW | DEAF if _is_snmp(payload) else 0
        if not tcp and dst[2] == _TFTP:
            if _TFTP_REQUEST.match(payload[:MOST_TEXT]):
                self._add((src, dst[:2], None), frame)
        elif tcp and _SOCKS in ports:
            return self._socks(payload, src, dst)
        elif tcp and _SKINNY in ports:
            self._skinny(payload, frame)
        elif tcp and _FTP in ports:
            self._ftp(payload[:MOST_TEXT], src, dst)
        elif tcp and (src[2] in _RTSP or dst[2] in _RTSP):
            self._rtsp(payload[:MOST_TEXT], frame, dst)
        elif not tcp and (src[2] in _MGCP or dst[2] in _MGCP):
            blank = _BLANK.search(payload, 0, MOST_TEXT)
            if blank:
                self._sdp(payload[blank.end() : MOST_TEXT], frame)
        elif first := _SIP_FIRST.match(payload[:MOST_TEXT]):
            self._sip(payload[:MOST_TEXT], first.group(1), frame, src, dst, tcp)
        elif not self._rpc(payload[4 if tcp else 0 :][:1024], src, dst, tcp) and not any(p in _TOLD for p in ports):
            return DEAF
        return 0

    def _add(self, wild: Wild, frame: int) -> None:
        """A later frame's announcement replaces an earlier one's; a response counts for its request's frame."""
        old = self._wild.get(wild)
        if old is not None:
            if old[0] >= frame:
                return
            del self._wild[wild]
        elif len(self._wild) >= MOST_ANNOUNCED:
            del self._wild[next(iter(self._wild))]
            self.evicted += 1
            self._notes.note("announcements-forgotten", self.row, self.evicted)
        self._wild[wild] = [frame, -1]
        self.ports[wild[0][2]] |= 1
        self.generation += 1

    def _await(self, end: Endpoint, other: tuple[int, int]) -> None:
        """Expect one connection more between `end` and any port of `other`."""
        if end[2] == 0:
            return
        count = self._coming.pop((end, other), 0)
        if len(self._coming) >= MOST_ANNOUNCED:
            del self._coming[next(iter(self._coming))]
            self.evicted += 1
        self._coming[end, other] = count + 1
        self.ports[end[2]] |= 2

    def _ask(self, key: tuple[object, ...], frame: int) -> bool:
        """Remember a request; False where it is known already."""
        if key in self._asked:
            return False
        if len(self._asked) >= MOST_ASKED:
            del self._asked[next(iter(self._asked))]
            self.evicted += 1
        self._asked[key] = frame
        return True

    def _seen(self, key: tuple[Endpoint, Endpoint], end: int) -> bool:
        """Whether a segment that ends at `end` comes again; those are not read twice."""
        last = self._asked.pop(key, None)
        again = last is not None and (last - end) & 0xFFFF_FFFF < _WINDOW
        self._ask(key, last if again and last is not None else end)
        return again

    def _rpc(self, data: bytes, src: Endpoint, dst: Endpoint, tcp: bool) -> bool:
        """RFC 1833, section 3: the port that GETPORT asks for, version 2, for UDP. Whether it is the portmapper's."""
        if len(data) < 24:
            return False
        xid, kind = _u32(data, 0), _u32(data, 4)
        if kind == 0 and _u32(data, 8) == 2 and _u32(data, 12) == 100000:
            at = 24
            for _ in range(2):  # credentials and verifier (RFC 5531, section 8.2)
                at += 8 + (_u32(data, at + 4) + 3 & ~3)
            if _u32(data, 16) == 2 and _u32(data, 20) == 3 and len(data) >= at + 16 and _u32(data, at + 8) == 17:
                self._ask((src, dst, tcp, xid), 0)
            return True
        if kind != 1 or (dst, src, tcp, xid) not in self._asked:
            return False
        at = 20 + (_u32(data, 16) + 3 & ~3)
        if _u32(data, 8) == 0 and len(data) >= at + 8 and _u32(data, at) == 0:
            port = _u32(data, at + 4)
            wild: Wild = ((src[0], src[1], port), None, None)
            if 0 < port <= 0xFFFF and wild not in self._wild:
                self._add(wild, 0)
        return True

    def _ftp(self, data: bytes, src: Endpoint, dst: Endpoint) -> None:
        """RFC 959, section 4.1.2, and RFC 2428: the first line's PORT, or the answer to PASV or EPSV."""
        found = _LINE.match(data)
        line = found.group() if found else b""
        if dst[2] == _FTP:
            command, _, rest = line.partition(b" ")
            if command and b"PORT".startswith(command) and (six := _SIX.search(rest)):
                self._await((dst[0], dst[1], _FTP_DATA), _host(six))
        elif line.startswith(b"227") and (six := _SIX.search(line, 4)):
            port = (int(six.group(5)) & 0xFF) << 8 | int(six.group(6)) & 0xFF
            self._await((*_host(six), port), dst[:2])
        elif line.startswith(b"229") and (three := _THREE.match(line, 4)) and int(three.group(2)) <= 0xFFFF:
            self._await((src[0], src[1], int(three.group(2))), dst[:2])

    def _socks(self, data: bytes, src: Endpoint, dst: Endpoint) -> int:
        """RFC 1928, section 4, and version 4: CONNECT, its reply, and then the first bytes that are passed on."""
        asked: tuple[object, ...] = (dst, src, _SOCKS) if src[2] == _SOCKS else (src, dst, _SOCKS)
        replied = (*asked, "replied")
        if replied in self._asked:
            del self._asked[replied]
            self._asked.pop(asked, None)
            return PROXIED | DEAF
        if src[2] != _SOCKS:
            if (data[:2] == b"\4\1" and len(data) > 8) or (data[:3] == b"\5\1\0" and len(data) > 6):
                self._ask(asked, 0)
        elif asked in self._asked:
            self._ask(replied, 0)
        return 0

    def _skinny(self, data: bytes, frame: int) -> None:
        at = 0
        for _ in range(MOST_MEDIA):
            size = int.from_bytes(data[at : at + 4], "little") + 8
            if size < 12 or at + size > len(data):
                return
            skip = _SKINNY_ADDRESS.get(int.from_bytes(data[at + 8 : at + 12], "little"))
            if skip is not None:
                self._skinny_media(data[at + 12 + skip : at + size], data[at + 4], frame)
            at += size

    def _skinny_media(self, data: bytes, version: int, frame: int) -> None:
        """An address and a port; from version 17 on a word tells the address family, and it takes 16 bytes."""
        room, six = 4, False
        if version >= _SKINNY_SAYS_FAMILY:
            family = int.from_bytes(data[:4], "little")
            if family > 2:
                return
            data, room, six = data[4:], 16, family != 0
        if len(data) < room + 4:
            return
        high, low = _u32(data, 0) << 32 | _u32(data, 4), _u32(data, 8) << 32 | _u32(data, 12)
        if not six:
            high, low = 0, 0xFFFF << 32 | _u32(data, 0)
        port = int.from_bytes(data[room : room + 4], "little")
        if 0 < port <= 0xFFFF:
            self._add(((high, low, port), None, None), frame)

    def _rtsp(self, data: bytes, frame: int, client: Endpoint) -> None:
        """RFC 2326, section 12.39: the ports of RTP and RTCP in a reply, or in a request that names the server's."""
        transport = _TRANSPORT.search(data)
        if transport is None or not data.startswith(b"RTSP/"):
            return
        told = transport.group(1)
        ports = {m.group(1).lower(): (int(m.group(2)), int(m.group(3) or 0)) for m in _PORTS.finditer(told)}
        if b"client" not in ports:
            return
        server = ports.get(b"server", (0, 0))
        to = _TO.search(told)
        for k, port in enumerate(ports[b"client"]):
            where = client[:2]
            if k == 0 and to:
                where = _address(to.group(1)) or where
            if 0 < port <= 0xFFFF:
                self._add(((*where, port), None, server[k] or None), frame)

    def _sip(self, data: bytes, code: bytes | None, frame: int, src: Endpoint, dst: Endpoint, tcp: bool) -> None:
        """RFC 3261 and RFC 3264: an offer, or the answer, which counts for the frame of its request.

        A request that is sent again announces nothing new; an answer that is, counts for its own frame.
        """
        blank = _BLANK.search(data)
        if blank is None:
            return
        headers: dict[bytes, bytes] = {}
        for name, value in _SIP_HEADER.findall(data, 0, blank.start()):
            name = name.lower()
            headers.setdefault(_SIP_NAMES.get(name, name), value.strip())
        body = data[blank.end() :]
        length = headers.get(b"content-length", b"")
        if length.isdigit() and len(length) < 6:
            body = body[: int(length)]
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind.startswith(b"multipart/"):
            part = _PART.search(body)
            blank = _BLANK.search(body, part.end() - 2) if part else None
            if blank:
                self._sdp(body[blank.end() :], frame)
            return
        call, asked = headers.get(b"call-id"), headers.get(b"cseq")
        if call is not None and asked is not None and not tcp:
            if code is None:
                if not self._ask((call, asked, src, dst), frame):
                    return
            elif code[:1] == b"2" and self._ask((call, asked, src, dst, code), frame):
                frame = self._asked.get((call, asked, dst, src), frame)
        if kind == b"application/sdp":
            self._sdp(body, frame)

    def _sdp(self, data: bytes, frame: int) -> None:
        """RFC 4566: each medium over RTP (with RTCP's port, RFC 3605) or UDPTL."""
        session: tuple[int, int] | None = None
        media: list[tuple[tuple[int, int] | None, int, int]] = []
        for line in data.splitlines():
            if len(line) < 2:
                break
            if c := _CONNECTION.match(line):
                where = _address(c.group(1))
                if media:
                    media[-1] = (where, *media[-1][1:])
                else:
                    session = where
            elif line.startswith(b"m="):
                m = _MEDIA.match(line)
                if len(media) == MOST_MEDIA:
                    break
                port = int(m.group(1)) if m else 0
                rtp = m is not None and m.group(2) in _RTP
                udptl = m is not None and m.group(2).lower() == b"udptl"
                media.append((session, port if rtp or udptl else 0, port + 1 if rtp else 0))
            elif media and media[-1][2] and (r := _CONTROL.match(line)):
                media[-1] = (*media[-1][:2], int(r.group(1)))
        for where, port, control in media:
            if where is None or not 0 < port <= 0xFFFF:
                continue
            self._add(((*where, port), None, None), frame)
            if 0 < control <= 0xFFFF:
                self._add(((*where, control), None, None), frame)


def _is_snmp(data: bytes) -> bool:
    """BER: a SEQUENCE that fits in, and begins with an INTEGER."""
    if len(data) < 3 or data[0] != 0x30:
        return False
    size, at = data[1], 2
    if size > 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    elif size == 0x80:
        size = 0
    return at < len(data) and size <= len(data) - at and data[at] == 2

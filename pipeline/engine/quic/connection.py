"""A connection of QUIC, as far as its Initial packets tell of it."""

from __future__ import annotations

import cython

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.quic import packets
from pipeline.engine.quic.crypto import CryptoStream
from pipeline.engine.quic.keys import Keys
from pipeline.engine.quic.packets import NEGOTIATION, SHORT, Header
from pipeline.engine.quic.versions import HANDSHAKE, INITIAL, RETRY, ZERO_RTT, Keying, has_google_frames, keying
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls import hello as hellos
from pipeline.engine.tls import names as n
from pipeline.engine.tls import tell
from pipeline.engine.tls.timeline import Timeline
from pipeline.schema.exchanges.tls import TLS

_INITIAL = cython.declare(cython.int, INITIAL)
_ZERO_RTT = cython.declare(cython.int, ZERO_RTT)
_HANDSHAKE = cython.declare(cython.int, HANDSHAKE)
_RETRY = cython.declare(cython.int, RETRY)
_NEGOTIATION = cython.declare(cython.int, NEGOTIATION)
_SHORT = cython.declare(cython.int, SHORT)


class Connection:
    """`client` is who began it, as address and port. Sides: 0 the client, 1 the server. Of a `hidden` one no
    fields of frames are told: Wireshark does not see it."""

    __slots__ = ("_highest", "_how", "_keys", "_out", "_quiet", "_retried", "_streams", "_tells", "client", "dcid",
                 "hidden", "ids", "timeline", "told", "version")

    def __init__(self, out: Outlet, client: tuple[bytes, int], *, hidden: bool = False) -> None:
        self.client = client
        self.version = 0
        # What the client calls the server in its first Initial, or after a Retry: the keys come from it.
        self.dcid = b""
        # What each side calls itself.
        self.ids = [b"", b""]
        self.timeline: Timeline | None = None
        self.told = False
        self.hidden = hidden
        self._tells = out.tells and not hidden
        self._out = out
        self._how: Keying | None = None
        # Of each side, when they are needed.
        self._keys: list[Keys | None] = [None, None]
        # What the server calls itself in its first Retry.
        self._retried = b""
        # Whether fields of the client's messages are not told.
        self._quiet = False
        self._highest = [-1, -1]
        self._streams = [CryptoStream(), CryptoStream()]

    def begin(self, version: cython.uint, dcid: bytes) -> bool:
        """The keys follow from these; whether that is known for the version."""
        self.version, self.dcid = version, dcid
        self._how, self._keys = keying(version), [None, None]
        return self._how is not None

    def packet(self, packet: Packet, data: bytes, header: Header, side: cython.int) -> None:
        """Take a packet of a datagram."""
        kind: cython.int = header.kind
        if kind == _INITIAL:
            self._initial(packet, data, header, side)
        elif kind == _RETRY:
            self._retry(packet, header, side)
        line: Timeline | None = self.timeline
        if line is None:
            return
        if kind == _NEGOTIATION and side:
            line.row.setdefault("shoal.quic.negotiation_frame", packet.frame)
        elif kind == _HANDSHAKE:
            if side:
                line.step(packet, "server_encrypted")
            elif line.has("server_encrypted"):
                line.step(packet, "client_finished")
        elif kind == _ZERO_RTT or (kind == _SHORT and header.version == 0):
            self._data(packet, line, side, kind == _ZERO_RTT)

    def _data(self, packet: Packet, line: Timeline, side: cython.int, early: cython.bint) -> None:
        """A packet of data. The handshake is done where the client sends what only its last keys protect."""
        if early or "shoal.response_frame" not in line.row:
            return
        line.step(packet, "server_data" if side else "client_data")
        if not side:
            line.complete(packet)
        if line.has("client_data") and line.has("server_data"):
            self.tell("completed")

    def _retry(self, packet: Packet, header: Header, side: cython.int) -> None:
        """The server wants the client to begin anew, with the connection id that it gives; its first Retry holds."""
        line = self.timeline
        if side and line is not None and not self._retried and "shoal.response_frame" not in line.row:
            line.row["shoal.quic.retry_frame"] = packet.frame
            self._retried = self.ids[1] = header.scid

    def follows(self, header: Header) -> bool:
        """Whether a client's Initial is of this connection: by what it calls the server."""
        return header.dcid in (self.dcid, self.ids[1]) or not self.version or self._negotiates(header)

    def _negotiates(self, header: Header) -> bool:
        """Whether the client begins anew with a version that the server named."""
        row = {} if self.timeline is None else self.timeline.row
        return ("shoal.quic.negotiation_frame" in row and "shoal.response_frame" not in row
                and header.version != self.version)

    def _initial(self, packet: Packet, data: bytes, header: Header, side: cython.int) -> None:
        if not side and (header.dcid != self.dcid or header.version != self.version):
            self._rekey(header)
        elif side and header.version != self.version and keying(header.version) is not None:
            # A server may go on with another version (RFC 9368): its keys come from the same id.
            self.begin(header.version, self.dcid)
        if header.scid:
            self.ids[side] = header.scid
        if self._how is None or not header.payload:
            return
        keys: Keys | None = self._keys[side]
        if keys is None:
            keys = self._keys[side] = Keys(self._how, self.dcid, side)
        opened = keys.opened(data, header.begin, header.payload, header.end, self._highest[side])
        if opened is None:
            return
        number, payload = opened
        self._highest[side] = max(self._highest[side], number)
        stream: CryptoStream = self._streams[side]
        for offset, piece in packets.crypto(payload, has_google_frames(self.version)):
            stream.add(offset, piece)
            for message in stream.messages():
                self._message(packet, message, side)

    def _rekey(self, header: Header) -> None:
        """The client's first Initial, or one behind a Retry or a Version Negotiation."""
        row = {} if self.timeline is None else self.timeline.row
        if "shoal.response_frame" in row:
            return
        if self._negotiates(header):
            self._streams, self._highest = [CryptoStream(), CryptoStream()], [-1, -1]
            # Wireshark takes it for a retransmission.
            self._quiet = True
        elif self.version and header.dcid != self._retried:
            return
        self.begin(header.version, header.dcid)

    def _message(self, packet: Packet, message: bytes, side: cython.int) -> None:
        kind, end = message[0], len(message)
        tells = self._tells and not (self._quiet and not side)
        if tells:
            packet.detail("tls.handshake.type", kind)
        if kind == n.CLIENT_HELLO:
            found = hellos.client_hello(message, 4, end)
            if tells:
                tell.hello(packet, found, from_server=False)
            line = self._line(packet, side)
            line.client_hello(packet, found)
            line.message(packet, "ClientHello", from_client=not side)
        elif kind == n.SERVER_HELLO:
            found = hellos.server_hello(message, 4, end)
            if tells:
                tell.hello(packet, found, from_server=True)
            line = self._line(packet, side)
            line.server_hello(packet, found)
            line.message(packet, "HelloRetryRequest" if found.retry else "ServerHello", from_client=not side)
            line.row["quic.version"] = self.version

    def _line(self, packet: Packet, side: cython.int) -> Timeline:
        line = self.timeline
        if line is None:
            line = self.timeline = Timeline.begin(packet, from_client=not side, transport="quic")
            line.row["quic.version"] = self.version
            line.row["quic.dcid"] = self.dcid.hex()
        return line

    def tell(self, outcome: str) -> None:
        """Tell the row of the handshake."""
        if self.timeline is not None:
            self._out.row(TLS, self.timeline.finished(outcome))
            self.timeline = None
        self.told = True
        # Nothing is decrypted any more.
        self._how, self._keys, self._streams = None, [None, None], [CryptoStream(), CryptoStream()]

    def state(self) -> Tree:
        """All that is known."""
        return {
            "client": list(self.client), "hidden": int(self.hidden),
            "version": self.version, "dcid": self.dcid, "ids": list(self.ids),
            "told": int(self.told), "retried": self._retried, "quiet": int(self._quiet), "highest": list(self._highest),
            "streams": [s.state() for s in self._streams],
            "row": None if self.timeline is None else self.timeline.copied(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        address, port = state["client"]
        self.client, self.ids, self.told = (address, port), list(state["ids"]), bool(state["told"])
        self.begin(state["version"], state["dcid"])
        if self.told:
            self._how = None
        self._retried, self._quiet = state["retried"], bool(state["quiet"])
        self._highest = list(state["highest"])
        for stream, known in zip(self._streams, state["streams"], strict=True):
            stream.restore(known)
        self.timeline = None if state["row"] is None else Timeline.restored(state["row"])

"""What is known of a conversation that speaks TLS: its version, who is who, and the row of its handshake."""

from __future__ import annotations

from typing import Protocol

from pipeline.engine.exchanges.choose import TLS_PORTS
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.snapshot import Tree
from pipeline.engine.tls import hello as hellos
from pipeline.engine.tls import names as n
from pipeline.engine.tls import tell
from pipeline.engine.tls.certificates import Certificates, in_message
from pipeline.engine.tls.suites import suite
from pipeline.engine.tls.timeline import Timeline
from pipeline.schema.exchanges.tls import TLS

_ECDH_NAMED_CURVE = 3


class Home(Protocol):
    """Who is told that rows begin and end."""

    def begun(self, session: Session, packet: Packet) -> int:
        """The session has a row now; the number of its handshake."""

    def told(self, session: Session) -> None:
        """The session's row was told."""


class Session:
    """`version` is that of the conversation as far as it is settled, 0 before; `ccs` the frame of each side's
    ChangeCipherSpec, 0 before. `tells` is whether fields of frames are wanted; with `quiet` none are told, and
    no names: Wireshark does not see TLS here."""

    __slots__ = ("_certificates", "_client", "_closed", "_finished", "_home", "_lost", "_out", "ccs", "key",
                 "quiet", "tells", "timeline", "told", "version")

    def __init__(self, out: Outlet, certificates: Certificates, home: Home, *, quiet: bool) -> None:
        self.key = 0
        self.quiet = quiet
        self.tells = out.tells and not quiet
        self.version = 0
        self.ccs = [0, 0]
        self.timeline: Timeline | None = None
        self.told = False
        self._client = -1
        self._finished = [False, False]
        self._closed = self._lost = False
        self._out = out
        self._certificates = certificates
        self._home = home

    def is_client(self, packet: Packet, side: int) -> bool:
        """Whether a side is the client: it said ClientHello, or else by the ports."""
        if self._client < 0:
            source, target = packet.ports
            from_server = source in TLS_PORTS or (target not in TLS_PORTS and source < target)
            self._client = 1 - packet.side if from_server else packet.side
        return side == self._client

    def _begin(self, packet: Packet, side: int, *, from_client: bool) -> Timeline:
        """The row of the handshake that the side begins."""
        self._client = side if from_client else 1 - side
        self._tell("unfinished")
        self.told = False
        self._finished = [False, False]
        self.timeline = Timeline.begin(packet, from_client=from_client, transport="tcp")
        self.key = self._home.begun(self, packet)
        return self.timeline

    # Records.

    def handshake_record(self, packet: Packet, side: int) -> None:
        """A record of content type handshake: behind the side's ChangeCipherSpec it is its Finished."""
        if self.ccs[side] and not self._finished[side] and self.version != n.TLS13:
            self._finished[side] = True
            line = self.timeline
            if line is not None:
                client = self.is_client(packet, side)
                line.step(packet, "client_finished" if client else "server_finished")
                line.message(packet, "EncryptedHandshake", from_client=client)
                if self._finished[1 - side]:
                    line.complete(packet)

    def change_cipher_spec(self, packet: Packet, side: int) -> None:
        """A record ChangeCipherSpec is whole."""
        if self.version != n.TLS13:
            # TLS 1.3 sends it for old middle boxes only (RFC 8446, appendix D.4).
            self.ccs[side] = packet.frame
        line = self.timeline
        if line is not None and not self._finished[side]:
            client = self.is_client(packet, side)
            line.step(packet, "client_ccs" if client else "server_ccs")
            line.message(packet, "ChangeCipherSpec", from_client=client)
            if not client and self.version != n.TLS13 and not line.has("certificate") and not line.has("server_done"):
                line.resumed_by_ticket()

    def alert(self, packet: Packet, side: int, level: int, desc: int) -> None:
        """An alert in clear."""
        if self.tells:
            packet.detail("tls.alert_message.level", level)
            packet.detail("tls.alert_message.desc", desc)
        line = self.timeline
        if line is not None:
            client = self.is_client(packet, side)
            line.alert(packet, level, desc, from_client=client)
            line.message(packet, "Alert", from_client=client)

    def encrypted(self, packet: Packet, side: int, name: str) -> None:
        """A record that is encrypted, though not application data."""
        line = self.timeline
        if line is not None and not self._finished[side] and name != "Alert":
            line.message(packet, name, from_client=self.is_client(packet, side))

    def data(self, packet: Packet, side: int) -> None:
        """A record of application data: in TLS 1.3 the rest of the handshake too."""
        line = self.timeline
        if line is None:
            return
        client = self.is_client(packet, side)
        if not line.row["shoal.tls.completed"]:
            line.message(packet, "ApplicationData", from_client=client)
        if self.version == n.TLS13:
            self._encrypted_record(packet, line, client=client)
        elif self._finished[side]:
            # A client may send data before the server's Finished (RFC 7918).
            line.step(packet, "client_data" if client else "server_data")
        if line.has("client_data") and line.has("server_data") and line.row["shoal.tls.completed"]:
            self._tell("completed")

    def _encrypted_record(self, packet: Packet, line: Timeline, *, client: bool) -> None:
        """A record of TLS 1.3 that is encrypted: by its place it is a Finished, or data."""
        if "shoal.response_frame" not in line.row:
            return
        if line.row["shoal.tls.completed"]:
            line.step(packet, "client_data" if client else "server_data")
        elif not client:
            line.step(packet, "server_encrypted")
        elif line.has("server_encrypted"):
            line.step(packet, "client_finished")
            line.complete(packet)

    # Messages.

    def message(self, packet: Packet, side: int, kind: int, data: bytes, at: int, end: int, *, first: bool) -> None:
        """A handshake message is whole: its body is `data[at:end]`. `first` where it is the first of its record."""
        tells, name = self.tells, n.MESSAGES[kind]
        if tells:
            packet.detail("tls.handshake.type", kind)
        if kind == n.CLIENT_HELLO:
            self._client_hello(packet, side, hellos.client_hello(data, at, end))
        elif kind == n.SERVER_HELLO:
            found = hellos.server_hello(data, at, end)
            self._server_hello(packet, side, found, first=first)
            name = "HelloRetryRequest" if found.retry else name
        elif kind == n.HELLO_RETRY_REQUEST:
            self._server_hello(packet, side, hellos.hello_retry_request(data, at, end), first=False)
        elif tells:
            self._tell_message(packet, kind, data, at, end)
        line = self.timeline
        if line is None or self._finished[side]:
            return
        client = self.is_client(packet, side)
        line.message(packet, name, from_client=client)
        if self._out.stores and kind not in (n.CLIENT_HELLO, n.SERVER_HELLO, n.HELLO_RETRY_REQUEST):
            self._step(packet, line, kind, data, at, end, client=client)

    def _tell_message(self, packet: Packet, kind: int, data: bytes, at: int, end: int) -> None:
        if kind == n.CERTIFICATE:
            for der in in_message(data, at, end, tls13=self.version == n.TLS13):
                tell.names(packet, der, 0, len(der))
        elif kind == n.CERTIFICATE_REQUEST:
            tell.certificate_request(packet, data, at, end, with_algorithms=self.version == n.TLS12)
        elif kind == n.CERTIFICATE_STATUS:
            tell.certificate_status(packet, data, at, end)

    def _client_hello(self, packet: Packet, side: int, found: hellos.Hello) -> None:
        if self.tells and found.version:
            tell.hello(packet, found, from_server=False)
        line = self.timeline
        if line is None or self._client != side or "shoal.response_frame" in line.row:
            line = self._begin(packet, side, from_client=True)
        line.client_hello(packet, found)
        if found.early_data:
            # Such a client knows that the server speaks TLS 1.3, and does so at once.
            self.version = n.TLS13

    def _server_hello(self, packet: Packet, side: int, found: hellos.Hello, *, first: bool) -> None:
        version = n.plain_version(found.versions[0] if found.versions and found.version == n.TLS12 else found.version)
        if version and first:
            self.version = version
        if not self.quiet:
            packet.name(n.VERSIONS.get(self.version, "SSL"))
        if self.tells and found.version:
            tell.hello(packet, found, from_server=True)
        line = self.timeline
        if line is None or self._client == side:
            line = self._begin(packet, side, from_client=False)
        line.server_hello(packet, found)

    def _step(self, packet: Packet, line: Timeline, kind: int, data: bytes, at: int, end: int, *, client: bool) -> None:
        """What a message that is no hello says for the row."""
        row = line.row
        if kind == n.CERTIFICATE:
            if not client:
                line.step(packet, "certificate")
                line.full()
            for der in in_message(data, at, end, tls13=self.version == n.TLS13):
                line.certificate(self._certificates.parse(der), from_client=client)
        elif kind == n.SERVER_KEY_EXCHANGE:
            line.step(packet, "server_key_exchange")
            self._group(line, data, at, end)
        elif kind == n.SERVER_HELLO_DONE:
            line.step(packet, "server_done")
        elif kind == n.CLIENT_KEY_EXCHANGE:
            line.step(packet, "client_key_exchange")
        elif kind == n.CERTIFICATE_REQUEST:
            row["shoal.tls.client_certificate_asked"] = 1
        elif kind == n.NEW_SESSION_TICKET:
            row["shoal.tls.ticket_issued"] = 1
            if end - at >= 4:
                row["tls.handshake.session_ticket_lifetime_hint"] = int.from_bytes(data[at : at + 4], "big")

    def _group(self, line: Timeline, data: bytes, at: int, end: int) -> None:
        """The group of a ServerKeyExchange: a named curve (RFC 8422, section 5.4), or the size of a prime."""
        exchange = suite(line.row.get("tls.handshake.ciphersuite", 0)).key_exchange
        if exchange.startswith("EC") and end - at >= 3 and data[at] == _ECDH_NAMED_CURVE:
            line.row["shoal.tls.group"] = n.group_name(data[at + 1] << 8 | data[at + 2])
        elif exchange.startswith("DH") and end - at >= 2:
            size = data[at] << 8 | data[at + 1]
            line.row["shoal.tls.group"] = f"dh{8 * min(size, end - at - 2)}"

    def ssl2_message(self, packet: Packet, side: int, kind: int, data: bytes, at: int, end: int) -> None:
        """A message of SSL 2 whose body is `data[at:end]`."""
        if self.tells:
            packet.detail("tls.handshake.type", kind)
        if kind == n.CLIENT_HELLO:
            found = hellos.ssl2_client_hello(data, at, end)
            if self.tells:
                packet.detail("tls.handshake.version", found.version)
            self._begin(packet, side, from_client=True).client_hello(packet, found)
        elif kind == 4:
            found, der = hellos.ssl2_server_hello(data, at, end)
            if self.tells:
                packet.detail("tls.handshake.version", found.version)
                tell.names(packet, der, 0, len(der))
            line = self.timeline or self._begin(packet, side, from_client=False)
            line.server_hello(packet, found)
            if der and self._out.stores:
                line.certificate(self._certificates.parse(der), from_client=False)
        if self.timeline is not None:
            name = n.SSL2_MESSAGES.get(kind, str(kind))
            self.timeline.message(packet, name, from_client=self.is_client(packet, side))

    # The row.

    def lost(self) -> None:
        """Bytes of a side were not captured."""
        self._lost = True

    def closed(self) -> None:
        """A side has ended."""
        self._closed = True

    def ended(self) -> None:
        """The conversation is followed no longer."""
        self._tell("closed" if self._closed else "unfinished")

    def give_up(self) -> None:
        """Tell the row as it stands: there are too many."""
        self._tell("unfinished")

    def old(self, before: int) -> None:
        """Tell the row, if it began before a time (ns)."""
        if self.timeline is not None and self.timeline.row["shoal.first_time"] < before:
            self._tell("unfinished")

    def _tell(self, outcome: str) -> None:
        line = self.timeline
        if line is not None:
            self.timeline = None
            self.told = True
            self._out.row(TLS, line.finished("lost" if self._lost else outcome))
            self._home.told(self)

    def state(self) -> Tree:
        """All that is known."""
        return {
            "key": self.key, "quiet": int(self.quiet), "version": self.version, "ccs": list(self.ccs),
            "client": self._client, "told": int(self.told),
            "finished": [int(f) for f in self._finished], "closed": int(self._closed), "lost": int(self._lost),
            "row": None if self.timeline is None else self.timeline.copied(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.key, self.version, self._client = state["key"], state["version"], state["client"]
        self.ccs = list(state["ccs"])
        self._finished = [bool(f) for f in state["finished"]]
        self._closed, self._lost, self.told = bool(state["closed"]), bool(state["lost"]), bool(state["told"])
        self.timeline = None if state["row"] is None else Timeline.restored(state["row"])

"""A handshake as a row: what is told of it step by step, over TCP and over QUIC alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.engine.exchanges.outlet import Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.tls import fingerprint
from pipeline.engine.tls.certificates import Certificate
from pipeline.engine.tls.hello import Hello, highest_version
from pipeline.engine.tls.names import (
    ALERT_LEVELS,
    ALERTS,
    TLS13,
    VERSIONS,
    draft,
    group_name,
    is_grease,
    plain_version,
    signature_name,
)
from pipeline.engine.tls.suites import suite, suite_name
from pipeline.schema.exchanges.tls import TLS

FATAL = 2
MOST_MESSAGES, MOST_ALERTS, MOST_CERTIFICATES = 48, 8, 10
MOST_TEXT = 255
"""Bytes of a server name or of a protocol's name that are told."""

_SIDES = ("client", "server")
_CERTIFICATE_FIELDS = (
    "subject", "issuer", "names", "serial", "not_before", "not_after", "key_type", "key_size", "signature",
    "fingerprint", "self_signed",
)  # fmt: skip
_ALERT_FIELDS = ("frame", "sender", "level", "desc", "name")
_STEPS = {
    name: (f"shoal.tls.{name}_frame", f"shoal.tls.{name}_time") for name in (
        "hello_retry", "server_encrypted", "certificate", "server_key_exchange", "server_done", "client_key_exchange",
        "client_ccs", "server_ccs", "client_finished", "server_finished", "client_data", "server_data", "completed",
    )
}  # fmt: skip


def text(data: bytes) -> str:
    """A name of a hello: bytes that are no ASCII are replaced by U+FFFD."""
    data = data[:MOST_TEXT]
    return data.decode("ascii") if data.isascii() else "".join([chr(b) if b < 0x80 else "\ufffd" for b in data])


def version_name(version: int) -> str:
    """A version's name as Wireshark's protocol column has it; of drafts that of TLS 1.3; else its number."""
    return VERSIONS.get(plain_version(version) or version) or f"0x{version:04x}"


@lru_cache(4096)
def _offer(transport: str, ssl2: bool, version: int, ciphers: tuple[int, ...], versions: tuple[int, ...],
           alpn: tuple[bytes, ...], groups: tuple[int, ...], key_shares: tuple[int, ...], signatures: tuple[int, ...],
           extensions: tuple[int, ...], formats: tuple[int, ...]) -> dict[str, Any]:
    """What a client offers, as columns of its row: most clients offer the same again and again."""
    highest = highest_version(version, versions)
    found: dict[str, Any] = {
        "shoal.tls.client_version": version_name(highest),
        "tls_cipher.id": ciphers[:100], "tls_cipher.name": [suite_name(c) for c in ciphers[:100]],
        "tls_version.offered": [version_name(v) for v in versions[:16] if not is_grease(v)],
        "tls_alpn.offered": [text(p) for p in alpn[:16]],
        "tls_group.offered": [group_name(g) for g in groups[:32]],
        "tls_key_share.offered": [group_name(g) for g in key_shares[:8]],
        "tls_signature.offered": [signature_name(s) for s in signatures[:40]],
        "tls_extension.type": extensions[:40],
    }  # fmt: skip
    if not ssl2:
        full = fingerprint.ja3_text(version, ciphers, extensions, groups, formats)
        found["tls.handshake.ja3_full"], found["tls.handshake.ja3"] = full, fingerprint.hashed(full)
        found["tls.handshake.ja4"] = fingerprint.ja4(
            transport, plain_version(highest) or highest, ciphers, extensions, signatures, alpn
        )
    return found


class Timeline:
    """The row of a handshake that is under way. `from_client` is True or False for what the client or server sends."""

    __slots__ = ("row",)

    def __init__(self, row: Row) -> None:
        self.row = row

    @classmethod
    def begin(cls, packet: Packet, *, from_client: bool, transport: str) -> Timeline:
        """A handshake whose first message is complete with this frame."""
        row = packet.exchange(TLS, reverse=not from_client)
        # Other lists are made when there is something to put in them: most handshakes have no alerts.
        row["tls_message.frame"], row["tls_message.sender"], row["tls_message.name"] = [], [], []
        row["shoal.tls.transport"] = transport
        row["shoal.tls.completed"] = 0
        return cls(row)

    @classmethod
    def restored(cls, row: Row) -> Timeline:
        """One that goes on with a row of `copied`."""
        return cls(cls(row).copied())

    def copied(self) -> Row:
        """The row, with lists of its own."""
        return {name: list(value) if isinstance(value, list) else value for name, value in self.row.items()}

    def step(self, packet: Packet, name: str) -> None:
        """A step of STEPS is done with this frame; only the first counts."""
        row = self.row
        frame, time = _STEPS[name]
        if frame not in row:
            row[frame] = packet.frame
            row[time] = packet.time - row["shoal.first_time"]

    def has(self, name: str) -> bool:
        """Whether a step is done."""
        return _STEPS[name][0] in self.row

    def message(self, packet: Packet, name: str, *, from_client: bool) -> None:
        """A message of the handshake."""
        row = self.row
        frames = row["tls_message.frame"]
        if len(frames) < MOST_MESSAGES:
            frames.append(packet.frame)
            row["tls_message.sender"].append(_SIDES[not from_client])
            row["tls_message.name"].append(name)

    def client_hello(self, packet: Packet, hello: Hello) -> None:
        """A ClientHello; one behind a HelloRetryRequest changes nothing but what it offers."""
        row = self.row
        row.setdefault("shoal.request_frame", packet.frame)
        row["tls.handshake.version"] = hello.version
        row["tls.handshake.session_id"] = hello.session[:32].hex()
        if hello.names:
            row["tls.handshake.extensions_server_name"] = text(hello.names[0])
        row["shoal.tls.ticket_offered"] = int(hello.ticket > 0 or hello.psk)
        row["shoal.tls.early_data"] = int(hello.early_data or bool(row.get("shoal.tls.early_data")))
        row |= _offer("q" if row["shoal.tls.transport"] == "quic" else "t", hello.ssl2, hello.version,
                      tuple(hello.ciphers), tuple(hello.versions), tuple(hello.alpn), tuple(hello.groups),
                      tuple(hello.key_shares), tuple(hello.signatures), tuple(hello.extensions), tuple(hello.formats))

    def server_hello(self, packet: Packet, hello: Hello) -> None:
        """A ServerHello, or a HelloRetryRequest."""
        row = self.row
        if hello.retry:
            self.step(packet, "hello_retry")
            return
        if "shoal.response_frame" in row:
            return
        row["shoal.response_frame"] = packet.frame
        if "shoal.request_frame" in row:
            row["shoal.response_time"] = packet.time - row["shoal.first_time"]
        version = hello.versions[0] if hello.versions else hello.version
        row["shoal.tls.version"] = version_name(version)
        if draft(version):
            row["shoal.tls.draft"] = draft(version)
        row["shoal.tls.server_session_id"] = hello.session[:32].hex()
        self._suite(hello, tls13=plain_version(version) == TLS13)
        self.extensions(hello)
        if not hello.ssl2:
            full = fingerprint.ja3s_text(hello.version, hello.ciphers[0] if hello.ciphers else 0, hello.extensions)
            row["tls.handshake.ja3s_full"], row["tls.handshake.ja3s"] = full, fingerprint.hashed(full)
        self._resumption(hello, tls13=plain_version(version) == TLS13)

    def extensions(self, hello: Hello) -> None:
        """What the server's extensions choose."""
        if hello.alpn:
            self.row["tls.handshake.extensions_alpn_str"] = text(hello.alpn[0])

    def _suite(self, hello: Hello, *, tls13: bool) -> None:
        row = self.row
        if hello.key_shares:
            row["shoal.tls.group"] = group_name(hello.key_shares[0])
        if not hello.ciphers:
            return
        chosen = suite(hello.ciphers[0])
        row["tls.handshake.ciphersuite"] = hello.ciphers[0]
        row["shoal.tls.cipher_suite"] = chosen.name
        exchange = chosen.key_exchange
        if tls13:
            exchange = _exchange_by_group(row["shoal.tls.group"]) if hello.key_shares else "PSK" if hello.psk else ""
        for name, value in (("key_exchange", exchange), ("authentication", chosen.authentication),
                            ("cipher", chosen.cipher), ("mac", chosen.mac)):
            if value:
                row[f"shoal.tls.{name}"] = value

    def _resumption(self, hello: Hello, *, tls13: bool) -> None:
        row = self.row
        if "shoal.request_frame" not in row:
            return
        if tls13:
            row["shoal.tls.resumed"] = int(hello.psk)
            if hello.psk:
                row["shoal.tls.resumption"] = "psk"
            return
        again = bool(hello.session) and hello.session[:32].hex() == row["tls.handshake.session_id"]
        row["shoal.tls.resumed"] = int(again)
        if again:
            # A client that offers a ticket makes up a session id, to see in the answer whether it was taken.
            row["shoal.tls.resumption"] = "ticket" if row["shoal.tls.ticket_offered"] else "session id"

    def full(self) -> None:
        """The server sends what it would not in a handshake that takes up an earlier session."""
        if self.row.pop("shoal.tls.resumption", None):
            self.row["shoal.tls.resumed"] = 0

    def resumed_by_ticket(self) -> None:
        """The server goes to encryption at once, though its session id is not the client's."""
        row = self.row
        if row.get("shoal.tls.resumed") == 0 and row.get("shoal.tls.ticket_offered"):
            row["shoal.tls.resumed"], row["shoal.tls.resumption"] = 1, "ticket"

    def certificate(self, found: Certificate, *, from_client: bool) -> None:
        """A certificate that a side sent."""
        row = self.row
        if "tls_certificate.sender" not in row:
            for name in ("sender", *_CERTIFICATE_FIELDS):
                row[f"tls_certificate.{name}"] = []
        if len(row["tls_certificate.sender"]) < MOST_CERTIFICATES:
            row["tls_certificate.sender"].append(_SIDES[not from_client])
            for name in _CERTIFICATE_FIELDS:
                row[f"tls_certificate.{name}"].append(getattr(found, name))

    def alert(self, packet: Packet, level: int, desc: int, *, from_client: bool) -> None:
        """An alert in clear."""
        row = self.row
        if "tls_alert.frame" not in row:
            for name in _ALERT_FIELDS:
                row[f"tls_alert.{name}"] = []
        if len(row["tls_alert.frame"]) < MOST_ALERTS:
            values: tuple[Any, ...] = (
                packet.frame, _SIDES[not from_client], ALERT_LEVELS.get(level, str(level)), desc,
                ALERTS.get(desc, str(desc)),
            )  # fmt: skip
            for name, value in zip(_ALERT_FIELDS, values, strict=True):
                row[f"tls_alert.{name}"].append(value)
        if level == FATAL and not row["shoal.tls.completed"]:
            row.setdefault("shoal.tls.outcome", "alert")

    def complete(self, packet: Packet) -> None:
        """The last message of the handshake."""
        if not self.row["shoal.tls.completed"]:
            self.step(packet, "completed")
            self.row["shoal.tls.completed"], self.row["shoal.tls.outcome"] = 1, "completed"

    def finished(self, outcome: str) -> Row:
        """The row, which is as it stands because of `outcome`."""
        row = self.row
        if "shoal.response_frame" not in row and outcome in ("unfinished", "closed"):
            outcome = "no answer"
        row.setdefault("shoal.tls.outcome", outcome)
        return row


def _exchange_by_group(group: str) -> str:
    if "MLKEM" in group or "Kyber" in group:
        return "MLKEM" if group.startswith("MLKEM") else "ECDHE+MLKEM" if "MLKEM" in group else "ECDHE+Kyber"
    return "DHE" if group.startswith("ffdhe") else "ECDHE"

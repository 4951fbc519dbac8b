"""Fields of TLS (RFC 8446, RFC 5246) and QUIC (RFC 9000, RFC 9001), and the record `tls_states`: a handshake."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

_VERSION = C("tls.handshake.version", "u16", "Version that the hello's own field names (0x0303 in TLS 1.3)", show="hex")
_SUITE = C("tls.handshake.ciphersuite", "u16", "Cipher suite: those offered, or the one chosen", show="hex")
_NAME = C("tls.handshake.extensions_server_name", "string", "Server name that the client asked for (SNI)")
_SESSION = C("tls.handshake.session_id", "string", "Session id of the ClientHello, in hexadecimal")
_HINT = C("tls.handshake.session_ticket_lifetime_hint", "u32", "How long the server's ticket holds", unit="s")
_JA3 = C("tls.handshake.ja3", "string", "JA3 of the ClientHello")
_JA3_FULL = C("tls.handshake.ja3_full", "string", "What JA3 is the MD5 of")
_JA3S = C("tls.handshake.ja3s", "string", "JA3S of the ServerHello")
_JA3S_FULL = C("tls.handshake.ja3s_full", "string", "What JA3S is the MD5 of")
_JA4 = C("tls.handshake.ja4", "string", "JA4 of the ClientHello (FoxIO)")

TLS_DETAILS: tuple[C, ...] = (
    C("tls.record.content_type", "u8", "Content type of a record; not of the encrypted ones of TLS 1.3"),
    C("tls.record.opaque_type", "u8", "Content type that an encrypted record of TLS 1.3 pretends to have"),
    C("tls.record.version", "u16", "Version that a record names", show="hex"),
    C("tls.record.length", "u16", "Bytes in a record"),
    C("tls.handshake.type", "u8", "Type of a handshake message"),
    _VERSION, _SUITE, _NAME,
    C("tls.handshake.extension.type", "u16", "Type of an extension"),
    C("tls.handshake.extensions_alpn_str", "string", "Protocol that ALPN offers or chooses"),
    C("tls.handshake.extensions.supported_version", "u16", "Version that the extension supported_versions names",
      show="hex"),
    C("tls.handshake.extensions_supported_group", "u16", "Group of key exchange that is offered", show="hex"),
    C("tls.handshake.sig_hash_alg", "u16", "Signature scheme that is offered", show="hex"),
    _JA3, _JA3_FULL, _JA3S, _JA3S_FULL, _JA4,
    C("tls.alert_message.level", "u8", "Level of an alert: 1 warning, 2 fatal"),
    C("tls.alert_message.desc", "u8", "Description of an alert"),
    C("x509sat.printableString", "string", "Text of a name in a certificate that is a PrintableString"),
    C("x509sat.uTF8String", "string", "Text of a name in a certificate that is a UTF8String"),
    C("quic.version", "u32", "Version of a packet with a long header", show="hex"),
)  # fmt: skip
"""What is told of each frame with a message."""

STEPS: tuple[tuple[str, str], ...] = (
    ("hello_retry", "server's HelloRetryRequest"),
    ("certificate", "server's Certificate"),
    ("server_key_exchange", "ServerKeyExchange"),
    ("server_done", "ServerHelloDone"),
    ("client_key_exchange", "ClientKeyExchange"),
    ("client_ccs", "client's ChangeCipherSpec"),
    ("server_ccs", "server's ChangeCipherSpec"),
    ("server_encrypted", "server's first encrypted record after its ServerHello (TLS 1.3)"),
    ("client_finished", "client's Finished (encrypted: the first record behind its ChangeCipherSpec, in TLS 1.3 its "
                        "first encrypted record behind the ServerHello)"),
    ("server_finished", "server's Finished (encrypted: the first record behind its ChangeCipherSpec)"),
    ("completed", "last message of the handshake"),
    ("client_data", "client's first record of application data behind the handshake"),
    ("server_data", "server's first record of application data behind the handshake"),
)
"""Steps of a handshake behind its hellos: of each, the columns `shoal.tls.STEP_frame` and `shoal.tls.STEP_time`."""


def _steps() -> tuple[C, ...]:
    found: list[C] = []
    for name, meaning in STEPS:
        found.append(C(f"shoal.tls.{name}_frame", "u64", f"Frame that completes the {meaning}"))
        found.append(C(f"shoal.tls.{name}_time", "seconds", "Time from the row's first frame to that one", unit="s"))
    return tuple(found)


TLS = exchanges(
    "tls",
    "One row for each handshake of TLS, over TCP or QUIC, with what was offered and chosen and when each step was "
    "done; for a ClientHello without an answer, and for a ServerHello without a ClientHello",
    *ENDS, *PORTS, *ANSWERED,
    C("shoal.tls.transport", "text", "`tcp` or `quic`"),
    C("shoal.tls.outcome", "text", "`completed`, or why it was not: `no answer`, `alert`, `closed`, `lost` (frames "
      "were not captured), `unfinished` (given up after a minute, or the capture ended)"),
    C("shoal.tls.completed", "bool", "Whether both sides have said their Finished (QUIC: whether the server answered "
      "and both sides sent data)"),
    C("shoal.tls.client_version", "text", "Highest version that the client offers"),
    C("shoal.tls.version", "text", "Version that the server chose"),
    C("shoal.tls.draft", "u8", "Which draft of TLS 1.3 was chosen"),
    _VERSION, _NAME,
    C("tls.handshake.ciphersuite", "u16", "Cipher suite that the server chose", show="hex"),
    C("shoal.tls.cipher_suite", "text", "Its name (IANA)"),
    C("shoal.tls.key_exchange", "text", "Key exchange of the cipher suite: ECDHE, DHE, RSA, PSK ...; in TLS 1.3 "
      "ECDHE, DHE or MLKEM by the group chosen, or PSK"),
    C("shoal.tls.authentication", "text", "How the suite's server authenticates: RSA, ECDSA, PSK, anon ... (not told "
      "by those of TLS 1.3)"),
    C("shoal.tls.cipher", "text", "Cipher of the suite, as AES_128_GCM"),
    C("shoal.tls.mac", "text", "MAC of the suite: SHA256 ..., AEAD where the cipher authenticates itself"),
    C("shoal.tls.group", "text", "Group (curve) of the key exchange: of the server's key share or ServerKeyExchange"),
    C("tls.handshake.extensions_alpn_str", "string", "Protocol that the server chose by ALPN, where it is in clear"),
    _SESSION,
    C("shoal.tls.server_session_id", "string", "Session id of the ServerHello, in hexadecimal"),
    C("shoal.tls.resumed", "bool", "Whether an earlier session was taken up"),
    C("shoal.tls.resumption", "text", "By what: `session id`, `ticket` or `psk`"),
    C("shoal.tls.ticket_offered", "bool", "Whether the client offers a session ticket or a PSK"),
    C("shoal.tls.ticket_issued", "bool", "Whether the server issued a ticket in clear"),
    _HINT,
    C("shoal.tls.early_data", "bool", "Whether the client announces early data (0-RTT)"),
    C("shoal.tls.client_certificate_asked", "bool", "Whether the server asked for a certificate, in clear"),
    *_steps(),
    _JA3, _JA3_FULL, _JA3S, _JA3S_FULL, _JA4,
    C("quic.version", "u32", "Version of QUIC", show="hex"),
    C("quic.dcid", "string", "Connection id that the client's first Initial names, in hexadecimal"),
    C("shoal.quic.retry_frame", "u64", "Frame of the server's Retry"),
    C("shoal.quic.negotiation_frame", "u64", "Frame of the server's Version Negotiation"),
    groups=(
        ListGroup("tls_cipher", 100, (
            C("tls_cipher.id", "u16", "Cipher suites that the client offers"),
            C("tls_cipher.name", "string", "Their names (IANA)"),
        )),
        ListGroup("tls_version", 16, (C("tls_version.offered", "string", "Versions that the client offers"),)),
        ListGroup("tls_alpn", 16, (C("tls_alpn.offered", "string", "Protocols that the client offers by ALPN"),)),
        ListGroup("tls_group", 32, (C("tls_group.offered", "string", "Groups that the client offers"),)),
        ListGroup("tls_key_share", 8, (C("tls_key_share.offered", "string", "Groups of the client's key shares"),)),
        ListGroup("tls_signature", 40, (C("tls_signature.offered", "string", "Signature schemes that it offers"),)),
        ListGroup("tls_extension", 40, (C("tls_extension.type", "u16", "Types of the ClientHello's extensions"),)),
        ListGroup("tls_certificate", 10, (
            C("tls_certificate.sender", "string", "`client` or `server`; certificates in the order sent"),
            C("tls_certificate.subject", "string", "Subject (RFC 4514)"),
            C("tls_certificate.issuer", "string", "Issuer (RFC 4514)"),
            C("tls_certificate.names", "string", "Subject alternative names, with commas between"),
            C("tls_certificate.serial", "string", "Serial number, in hexadecimal"),
            C("tls_certificate.not_before", "time", "When it begins to hold", unit="ns since 1970-01-01 UTC"),
            C("tls_certificate.not_after", "time", "When it ceases to hold", unit="ns since 1970-01-01 UTC"),
            C("tls_certificate.key_type", "string", "Kind of its key: RSA, EC with the curve, Ed25519 and others"),
            C("tls_certificate.key_size", "u32", "Size of its key", unit="bits"),
            C("tls_certificate.signature", "string", "Algorithm of its signature"),
            C("tls_certificate.fingerprint", "string", "SHA-256 of the certificate, in hexadecimal"),
            C("tls_certificate.self_signed", "bool", "Whether it is signed by its own key"),
        )),
        ListGroup("tls_alert", 8, (
            C("tls_alert.frame", "u64", "Frames of the alerts in clear"),
            C("tls_alert.sender", "string", "`client` or `server`"),
            C("tls_alert.level", "string", "`warning` or `fatal`"),
            C("tls_alert.desc", "u8", "Description (RFC 8446, section 6)"),
            C("tls_alert.name", "string", "Its name"),
        )),
        ListGroup("tls_message", 48, (
            C("tls_message.frame", "u64", "Frames of the handshake's messages, in the order seen"),
            C("tls_message.sender", "string", "`client` or `server`"),
            C("tls_message.name", "string", "ClientHello ..., ChangeCipherSpec, Alert, EncryptedHandshake, "
              "ApplicationData (encrypted messages of TLS 1.3 too)"),
        )),
    ),
)  # fmt: skip

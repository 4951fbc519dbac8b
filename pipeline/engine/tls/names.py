"""Numbers of TLS and their names: RFC 8446, RFC 5246, RFC 6101, and IANA's registry of TLS parameters."""

from __future__ import annotations

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT, CONNECTION_ID = 20, 21, 22, 23, 24, 25
"""Content types of records (RFC 8446, section 5.1; RFC 6520; RFC 9146)."""

CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, HELLO_RETRY_REQUEST = 1, 2, 4, 6
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE = 11, 12, 13, 14
CLIENT_KEY_EXCHANGE, FINISHED, CERTIFICATE_STATUS = 16, 20, 22
"""Types of handshake messages."""

MESSAGES: dict[int, str] = {
    0: "HelloRequest", 1: "ClientHello", 2: "ServerHello", 3: "HelloVerifyRequest", 4: "NewSessionTicket",
    5: "EndOfEarlyData", 6: "HelloRetryRequest", 8: "EncryptedExtensions", 11: "Certificate", 12: "ServerKeyExchange",
    13: "CertificateRequest", 14: "ServerHelloDone", 15: "CertificateVerify", 16: "ClientKeyExchange", 20: "Finished",
    21: "CertificateURL", 22: "CertificateStatus", 23: "SupplementalData", 24: "KeyUpdate",
    25: "CompressedCertificate", 67: "NextProtocol",
}  # fmt: skip
"""Names of the types of handshake messages that are in use."""

SSL2_MESSAGES: dict[int, str] = {
    0: "Error", 1: "ClientHello", 2: "ClientMasterKey", 3: "ClientFinished", 4: "ServerHello", 5: "ServerVerify",
    6: "ServerFinished", 7: "RequestCertificate", 8: "ClientCertificate",
}  # fmt: skip
"""Names of the messages of SSL 2."""

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
GMTLS = 0x0101

VERSIONS: dict[int, str] = {
    SSL2: "SSLv2", SSL3: "SSLv3", TLS10: "TLSv1", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3",
}  # fmt: skip
"""Version to the name that Wireshark's protocol column has for it."""

_FACEBOOK_DRAFTS = {0xFB17: 23, 0xFB1A: 26}


def draft(version: int) -> int:
    """Of a version that is a draft of TLS 1.3, the draft's number; 0 for others."""
    if version >> 8 == 0x7F:
        return version & 0xFF
    return _FACEBOOK_DRAFTS.get(version, 0)


def plain_version(version: int) -> int:
    """The version with drafts of TLS 1.3 taken for it; 0 where it is none that can be spoken over records."""
    if draft(version):
        return TLS13
    return version if SSL3 <= version <= TLS13 or version == GMTLS else 0


def is_version(version: int) -> bool:
    """Whether a version is one that a hello may name."""
    return version in (SSL2, 0x0100, 0xFEFF, 0xFEFD) or plain_version(version) != 0


def is_grease(value: int) -> bool:
    """Whether a number of 16 bits is one of those that mean nothing (RFC 8701)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


ALERT_LEVELS: dict[int, str] = {1: "warning", 2: "fatal"}
ALERTS: dict[int, str] = {
    0: "close_notify", 1: "end_of_early_data", 10: "unexpected_message", 20: "bad_record_mac",
    21: "decryption_failed", 22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
    41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
    45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
    49: "access_denied", 50: "decode_error", 51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
    100: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension",
    111: "certificate_unobtainable", 112: "unrecognized_name", 113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value", 115: "unknown_psk_identity", 116: "certificate_required",
    120: "no_application_protocol", 121: "ech_required",
}  # fmt: skip
"""Descriptions of alerts."""

_GROUPS: dict[int, str] = {
    1: "sect163k1", 2: "sect163r1", 3: "sect163r2", 4: "sect193r1", 5: "sect193r2", 6: "sect233k1", 7: "sect233r1",
    8: "sect239k1", 9: "sect283k1", 10: "sect283r1", 11: "sect409k1", 12: "sect409r1", 13: "sect571k1",
    14: "sect571r1", 15: "secp160k1", 16: "secp160r1", 17: "secp160r2", 18: "secp192k1", 19: "secp192r1",
    20: "secp224k1", 21: "secp224r1", 22: "secp256k1", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1",
    26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1", 29: "x25519", 30: "x448",
    31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13", 41: "curveSM2",
    256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
    512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768",
    4589: "SecP384r1MLKEM1024", 25497: "X25519Kyber768Draft00", 25498: "SecP256r1Kyber768Draft00",
    0xFF01: "arbitrary_explicit_prime_curves", 0xFF02: "arbitrary_explicit_char2_curves",
}  # fmt: skip

_SIGNATURES: dict[int, str] = {
    0x0201: "rsa_pkcs1_sha1", 0x0203: "ecdsa_sha1", 0x0401: "rsa_pkcs1_sha256", 0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384", 0x0503: "ecdsa_secp384r1_sha384", 0x0601: "rsa_pkcs1_sha512",
    0x0603: "ecdsa_secp521r1_sha512", 0x0708: "sm2sig_sm3", 0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512", 0x0807: "ed25519", 0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256", 0x080A: "rsa_pss_pss_sha384", 0x080B: "rsa_pss_pss_sha512", 0x0101: "rsa_md5",
    0x0103: "ecdsa_md5", 0x0202: "dsa_sha1", 0x0301: "rsa_sha224", 0x0302: "dsa_sha224", 0x0303: "ecdsa_sha224",
    0x0402: "dsa_sha256", 0x0502: "dsa_sha384", 0x0602: "dsa_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256", 0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512", 0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
}  # fmt: skip


def group_name(value: int) -> str:
    """A group of key exchange (supported_groups), by IANA's name, or its number in hexadecimal."""
    return _GROUPS.get(value) or ("GREASE" if is_grease(value) else f"0x{value:04x}")


def signature_name(value: int) -> str:
    """A signature scheme, by IANA's name, or its number in hexadecimal."""
    return _SIGNATURES.get(value) or ("GREASE" if is_grease(value) else f"0x{value:04x}")

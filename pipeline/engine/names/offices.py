"""Names of offices' and hosts' services over UDP: names, logins, discoveries."""

from __future__ import annotations

from pipeline.engine.names.look import Look
from pipeline.schema.exchanges.oicq import OICQ_COMMANDS

_KERBEROS = {0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x74, 0x75, 0x76, 0x7E, 0x61, 0x62}
_MAILSLOTS = (
    (b"\\mailslot\\browse", "BROWSER"), (b"\\mailslot\\net\\netlogon", "SMB_NETLOGON"),
    (b"\\mailslot\\net\\ntlogon", "SMB_NETLOGON"), (b"\\mailslot\\lanman", "BROWSER"),
)  # fmt: skip
_DHT_KEYS = (b"1:ad", b"1:rd", b"2:ip", b"1:el", b"1:t2", b"1:q4", b"1:v4", b"1:y1")
_RADIUS_CODES = {*range(1, 14), *range(21, 35), *range(40, 46), 50, 51, 52, 53, 255}


def kerberos(data: bytes, look: Look) -> str:
    """RFC 4120, section 5: an application's tag; or version 4's first byte."""
    if len(data) > 1 and data[0] in _KERBEROS:
        return "KRB5"
    return "KRB4" if data[:1] == b"\4" else ""


def nbdgm(data: bytes, look: Look) -> str:
    """RFC 1002, section 4.4, and the SMB transaction in it, by the mailslot that it is to."""
    smb = data.find(b"\xffSMB", 14)
    if not data or not 0x10 <= data[0] <= 0x12 or smb < 0:
        return "NBDS"
    if data[smb + 4 : smb + 5] == b"\x25":
        told = data[smb + 32 :].lower()
        for slot, name in _MAILSLOTS:
            if slot in told:
                return name
    return "SMB"


def radius(data: bytes, look: Look) -> str:
    """RFC 2865, section 3: a known code, and a length that is possible."""
    return "RADIUS" if len(data) >= 4 and data[0] in _RADIUS_CODES and 20 <= data[2] << 8 | data[3] <= 4096 else ""


def icq(data: bytes, look: Look) -> str:
    """The version comes first."""
    return {2: "ICQv2", 3: "ICQv3", 4: "ICQv4", 5: "ICQv5"}.get(int.from_bytes(data[:2], "little"), "")


def oicq(data: bytes, look: Look) -> str:
    """A message begins with a 2, and has a known command."""
    return "OICQ" if len(data) > 4 and data[0] == 2 and data[3] << 8 | data[4] in OICQ_COMMANDS else ""


def db_lsp_disc(data: bytes, look: Look) -> str:
    """Dropbox's discovery is JSON."""
    return "DB-LSP-DISC/JSON" if data[:1] == b"{" else "DB-LSP-DISC"


def bt_dht(data: bytes, look: Look) -> str:
    """BEP 5: a dictionary of bencoded keys that begins with one that messages have."""
    return "BT-DHT" if data[:1] == b"d" and data[1:5] in _DHT_KEYS else ""

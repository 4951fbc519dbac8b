"""SNMP's messages."""

from __future__ import annotations

from tests.exchanges.test_snmp import GET, GOT, NAME, number, pdu, tlv, v2, v3
from tests.fuzz.turns import exchange, turns


def seeds() -> list[bytes]:
    """Requests and responses of all versions, traps."""
    clear = v3(tlv(48, tlv(4, b"e"), tlv(4), pdu(1, 5, 0, 0, (NAME, tlv(5)))), 4)
    trap = tlv(0xA4, NAME, tlv(0x40, bytes(4)), number(6), number(1), tlv(0x43, b"\1"), tlv(48))
    return [
        turns(GET, GOT), turns(v2(pdu(5, 9, 0, 10)), v2(pdu(2, 9, 5, 1)), v2(trap, 0)),
        turns(clear, v3(tlv(4, b"\x99" * 9), 3)),
        turns(v2(pdu(3, -5, 0, 0, (NAME, tlv(0x40, bytes(4))), (NAME, tlv(0x46, b"\xff" * 8))))),
    ]  # fmt: skip


def run(data: bytes) -> None:
    """Some datagrams."""
    exchange(161, data)

"""An SNMP message, as far as it is in clear."""

from __future__ import annotations

from dataclasses import dataclass, field
from socket import AF_INET, inet_ntop

from pipeline.engine.ber import INTEGER, NOTHING, OCTETS, OID, SEQUENCE, Element, element, elements, identifier, integer

GET, NEXT, RESPONSE, SET, TRAP, BULK, INFORM, TRAP2, REPORT = range(9)
"""Kinds of PDU: the numbers of their tags."""
PDUS = ("get-request", "get-next-request", "get-response", "set-request", "trap", "getBulkRequest", "informRequest",
        "snmpV2-trap", "report")  # fmt: skip
"""Their names, as Wireshark has them."""
MOST_BINDINGS = 32
"""Variable bindings that are kept of a message; all are shown, up to MOST_SHOWN."""
MOST_SHOWN = 1024
MOST_VALUE = 256
"""Characters of a value that are kept."""

_IP, _OPAQUE = 0x40, 0x44
_COUNTS = (0x41, 0x42, 0x43, 0x46)
_MISSING = {0x80: "noSuchObject", 0x81: "noSuchInstance", 0x82: "endOfMibView"}


@dataclass(slots=True)
class Message:
    """What is not there is None; of `bindings`, name and element. `encrypted` has no PDU."""

    version: int
    community: bytes | None = None
    ident: int | None = None
    flags: int | None = None
    engine: bytes | None = None
    user: bytes | None = None
    encrypted: bool = False
    pdu: int | None = None
    request: int | None = None
    numbers: list[int] = field(default_factory=list)
    bindings: list[tuple[str, Element]] = field(default_factory=list)


def read_message(data: bytes) -> Message | None:
    """The message; None where it is none."""
    tag, at, end = element(data, 0, len(data))
    if tag != SEQUENCE:
        return None
    parts = elements(data, at, end, 4)
    if not parts or parts[0][0] != INTEGER or parts[0][1] == parts[0][2]:
        return None
    found = Message(integer(data, parts[0]))
    if found.version == 3:
        _version_3(data, parts, found)
    elif len(parts) > 1 and parts[1][0] == OCTETS:
        found.community = data[parts[1][1] : parts[1][2]]
        if len(parts) > 2:
            _pdu(data, parts[2], found)
    return found


def _version_3(data: bytes, parts: list[Element], found: Message) -> None:
    if len(parts) < 2 or parts[1][0] != SEQUENCE:
        return
    head = elements(data, parts[1][1], parts[1][2], 4)
    if head and head[0][0] == INTEGER:
        found.ident = integer(data, head[0])
    if len(head) > 2 and head[2][0] == OCTETS and head[2][2] > head[2][1]:
        found.flags = data[head[2][1]]
    if len(parts) < 3 or parts[2][0] != OCTETS:
        return
    tag, at, end = element(data, parts[2][1], parts[2][2])
    security = elements(data, at, end, 6) if tag == SEQUENCE else []
    if len(security) > 3:
        found.engine = data[security[0][1] : security[0][2]]
        found.user = data[security[3][1] : security[3][2]]
    if len(parts) < 4:
        return
    if parts[3][0] == OCTETS:
        found.encrypted = True
    elif parts[3][0] == SEQUENCE:
        scoped = elements(data, parts[3][1], parts[3][2], 3)
        if len(scoped) == 3:
            _pdu(data, scoped[2], found)


def _pdu(data: bytes, of: Element, found: Message) -> None:
    tag, at, end = of
    if not 0xA0 <= tag <= 0xA8:
        return
    found.pdu = tag - 0xA0
    parts = elements(data, at, end, 6)
    last = parts[-1] if len(parts) == (6 if found.pdu == TRAP else 4) else NOTHING
    if found.pdu != TRAP:
        numbers = [integer(data, one) for one in parts[:3] if one[0] == INTEGER]
        if numbers:
            found.request = numbers[0]
        found.numbers = numbers[1:]
    if last[0] != SEQUENCE:
        return
    for tag, at, end in elements(data, last[1], last[2], MOST_SHOWN):
        pair = elements(data, at, end, 2)
        if tag != SEQUENCE or not pair or pair[0][0] != OID:
            break
        found.bindings.append((identifier(data, pair[0]), pair[1] if len(pair) > 1 else NOTHING))


def value(data: bytes, of: Element) -> str:
    """A value as text: numbers in decimal, octets as text if they are, else in hexadecimal digits."""
    tag, at, end = of
    content = data[at:end]
    if tag == INTEGER:
        return str(integer(data, of))
    if tag in _COUNTS:
        return str(int.from_bytes(content[:9], "big"))
    if tag == OID:
        return identifier(data, of)
    if tag == _IP and len(content) == 4:
        return inet_ntop(AF_INET, content)
    if tag in (OCTETS, _OPAQUE):
        content = content[:MOST_VALUE]
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content[: MOST_VALUE // 2].hex()
        return text if text.isprintable() else content[: MOST_VALUE // 2].hex()
    return _MISSING.get(tag, "")

"""An SNMP message, as far as it is in clear."""

from __future__ import annotations

from socket import AF_INET, inet_ntop

import cython

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


class Message:
    """What is not there is None; of `bindings`, name and element. `encrypted` has no PDU."""

    __slots__ = ("bindings", "community", "encrypted", "engine", "flags", "ident", "numbers", "pdu", "request", "user",
                 "version")

    def __init__(self, version: cython.longlong) -> None:
        self.version = version
        self.community: bytes | None = None
        self.ident: int | None = None
        self.flags: int | None = None
        self.engine: bytes | None = None
        self.user: bytes | None = None
        self.encrypted = False
        self.pdu: int | None = None
        self.request: int | None = None
        self.numbers: list[int] = []
        self.bindings: list[tuple[str, Element]] = []


def read_message(data: bytes) -> Message | None:
    """The message; None where it is none."""
    whole = element(data, 0, len(data))
    if whole.tag != SEQUENCE:
        return None
    parts = elements(data, whole.at, whole.end, 4)
    if not parts:
        return None
    version: Element = parts[0]
    if version.tag != INTEGER or version.at == version.end:
        return None
    found = Message(integer(data, version))
    if found.version == 3:
        _version_3(data, parts, found)
    elif len(parts) > 1:
        community: Element = parts[1]
        if community.tag == OCTETS:
            found.community = data[community.at : community.end]
            if len(parts) > 2:
                _pdu(data, parts[2], found)
    return found


@cython.cfunc
def _version_3(data: bytes, parts: list[Element], found: Message) -> None:
    one: Element
    if len(parts) < 2:
        return
    one = parts[1]
    if one.tag != SEQUENCE:
        return
    head = elements(data, one.at, one.end, 4)
    if head and head[0].tag == INTEGER:
        found.ident = integer(data, head[0])
    if len(head) > 2:
        one = head[2]
        if one.tag == OCTETS and one.end > one.at:
            found.flags = data[one.at]
    if len(parts) < 3:
        return
    one = parts[2]
    if one.tag != OCTETS:
        return
    one = element(data, one.at, one.end)
    security = elements(data, one.at, one.end, 6) if one.tag == SEQUENCE else []
    if len(security) > 3:
        one = security[0]
        found.engine = data[one.at : one.end]
        one = security[3]
        found.user = data[one.at : one.end]
    if len(parts) < 4:
        return
    one = parts[3]
    if one.tag == OCTETS:
        found.encrypted = True
    elif one.tag == SEQUENCE:
        scoped = elements(data, one.at, one.end, 3)
        if len(scoped) == 3:
            _pdu(data, scoped[2], found)


def _pdu(data: bytes, of: Element, found: Message) -> None:
    pdu: cython.int = of.tag - 0xA0
    last: Element = NOTHING
    one: Element
    if not 0 <= pdu <= 8:
        return
    found.pdu = pdu
    parts = elements(data, of.at, of.end, 6)
    if len(parts) == (6 if pdu == TRAP else 4):
        last = parts[len(parts) - 1]
    if pdu != TRAP:
        numbers = [integer(data, number) for number in parts[:3] if number.tag == INTEGER]
        if numbers:
            found.request = numbers[0]
        found.numbers = numbers[1:]
    if last.tag != SEQUENCE:
        return
    for one in elements(data, last.at, last.end, MOST_SHOWN):
        pair = elements(data, one.at, one.end, 2)
        if one.tag != SEQUENCE or not pair or pair[0].tag != OID:
            break
        found.bindings.append((identifier(data, pair[0]), pair[1] if len(pair) > 1 else NOTHING))


def value(data: bytes, of: Element) -> str:
    """A value as text: numbers in decimal, octets as text if they are, else in hexadecimal digits."""
    tag: cython.int = of.tag
    content = data[of.at : of.end]
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

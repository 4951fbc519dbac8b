"""Messages over UDP and TCP, mDNS and at other ports, asked and answered."""

from __future__ import annotations

from pipeline.engine.dns.message import SECTIONS, Message, read_message
from pipeline.engine.dns.rows import put_message, put_question
from pipeline.engine.dns.tell import tell_header, tell_questions, tell_records
from pipeline.engine.exchanges.outlet import Row
from pipeline.engine.exchanges.rows import fill
from pipeline.render.spell import spelled
from pipeline.schema.exchanges import DETAILS
from pipeline.schema.exchanges.dns import DNS
from pipeline.schema.shown import form_of
from tests.exchanges.dns_bytes import ASKED, framed, name, opt, query, record, response, texts
from tests.exchanges.hear import Talk, answer, ask, heard

_SECTIONS = len(SECTIONS)
_ENGINE = 0xC0


def seeds() -> list[bytes]:
    """Each kind of record, compressed names, names that loop; the first byte says how the rest is cut."""
    kinds = [
        record(ASKED, 1, bytes(4)), record(ASKED, 28, bytes(16)), record(ASKED, 5, b"\1b" + ASKED),
        record(b"\xc0\x1b", 2, ASKED), record(ASKED, 6, name("n") + ASKED + bytes(20)), record(ASKED, 12, b"\xc0\x0e"),
        record(ASKED, 15, b"\0\1" + ASKED), record(ASKED, 16, texts(b"a", b"\xff\0", "ü".encode())),
        record(ASKED, 33, bytes(6) + ASKED), record(ASKED, 35, bytes(4) + texts(b"s", b"x", b"!") + b"\0"),
        record(ASKED, 43, bytes(8)), record(ASKED, 46, bytes(18) + ASKED + b"sig"),
        record(ASKED, 47, name("n") + b"\0\6\x40\1\0\0\0\3"), record(ASKED, 48, b"\1\1\3\x08key"),
        record(ASKED, 50, b"\1\0\0\1\2ab\3cde\0\1\x40"), record(ASKED, 51, b"\1\0\0\1\0"),
        record(ASKED, 52, b"\3\1\1hash"), record(ASKED, 65, b"\0\1\0\0\1\0\3\2h2\0\4\0\4abcd\0\6\0\x10" + bytes(16)),
        record(ASKED, 257, b"\0\5issueca"), record(ASKED, 38, b"\x40" + bytes(8) + ASKED),
    ]  # fmt: skip
    messages = [response("a.example", one) for one in kinds]
    messages += [
        response("a.example", *kinds[:9], authority=kinds[9:12], additional=[opt(options=b"\0\x08\0\7\0\1\x18\0abc")]),
        query("a.example", additional=[opt(do=True, options=b"\0\x0f\0\3\0\1x")]), query("\0"),
        query("a.example", 252), query("münchen.local", klass=0x8001), b"\0\1\1\0\0\1" + bytes(6) + b"\xc0\x0c\0\1\0\1",
    ]  # fmt: skip
    quick = [bytes([i & 1]) + message for i, message in enumerate(messages)]
    return quick + [bytes([_ENGINE + i % 8]) + message for i, message in enumerate(messages[::4])]


def run(data: bytes) -> None:
    """The first byte chooses: the parser alone, which is quick, or the engine, ports and the size of segments."""
    how, payload = data[0] if data else 0, data[1:]
    found = read_message(payload)
    if found is not None:
        assert len(found.questions) <= len(payload)
        assert all(section < _SECTIONS and at <= len(payload) for section, _, _, _, _, at, _ in found.records)
        _told(found, len(payload), mdns=bool(how & 1))
    if how < _ENGINE:
        return
    port = (53, 5353, 5355, 5300)[how & 3]
    frames = [ask(payload, dstport=port), answer(payload, 0.1, dstport=port), answer(payload, 0.2, dstport=port)]
    if how & 4:
        half = len(payload) // 2
        stream = framed(payload[:half]) + payload[half:]
        frames += Talk(53, mss=1 + (how >> 3 & 7) * 8).open().client(stream).server(stream).close().frames
    heard(frames)


def _told(found: Message, size: int, *, mdns: bool) -> None:
    """Every field of the frame and every column of the row, of their kinds."""
    fields: list[tuple[str, object]] = []

    def tell(name: str, value: object) -> None:
        fields.append((name, value))

    tell_header(tell, found, llmnr=False)
    tell_questions(tell, found, mdns=mdns)
    tell_records(tell, found, mdns=mdns)
    by_name: dict[str, list[object]] = {}
    for field, value in fields:
        by_name.setdefault(field, []).append(value)
    for field, values in by_name.items():
        spelled(form_of(DETAILS[field]), values)
    row: Row = {}
    put_question(row, found, 0xFFFF)
    put_message(row, found, size, 0xFFFF)
    fill(DNS, [row])

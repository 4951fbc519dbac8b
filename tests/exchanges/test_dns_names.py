"""Names and data, also hostile ones, held against what tshark 4.0 shows of the same bytes."""

from __future__ import annotations

import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from pipeline.engine.dns.message import read_message
from pipeline.engine.dns.names import LOOPS, TOO_LONG, Fault, Names
from tests.exchanges.dns_bytes import ASKED, name, opt, query, record, response, texts
from tests.exchanges.hear import answer, ask, heard, write

FIELDS = (
    "_ws.col.Protocol", "dns.id", "dns.flags", "dns.flags.response", "dns.flags.opcode", "dns.flags.rcode",
    "dns.count.queries", "dns.count.answers", "dns.count.auth_rr", "dns.count.add_rr", "dns.count.zones",
    "dns.qry.name", "dns.qry.type", "dns.qry.class", "dns.qry.qu", "dns.resp.name", "dns.resp.type", "dns.resp.class",
    "dns.resp.ttl", "dns.resp.len", "dns.rr.udp_payload_size", "dns.resp.ext_rcode", "dns.resp.z", "dns.resp.z.do",
    "dns.a", "dns.aaaa", "dns.cname", "dns.ns", "dns.ptr.domain_name", "dns.mx.preference", "dns.mx.mail_exchange",
    "dns.txt", "dns.txt.length", "dns.srv.service", "dns.srv.proto", "dns.srv.name", "dns.srv.priority",
    "dns.srv.port", "dns.srv.target", "dns.soa.mname", "dns.soa.serial_number", "dns.soa.minimum_ttl",
    "dns.caa.flags", "dns.caa.tag", "dns.caa.value", "dns.ds.key_id", "dns.ds.digest", "dns.dnskey.key_id",
    "dns.dnskey.public_key", "dns.rrsig.signature_expiration", "dns.rrsig.signers_name", "dns.rrsig.signature",
    "dns.nsec.next_domain_name", "dns.nsec3.salt_value", "dns.nsec3.hash_value", "dns.svcb.svcpriority",
    "dns.svcb.targetname", "dns.svcb.svcparam.key", "dns.svcb.svcparam.alpn", "dns.svcb.svcparam.port",
    "dns.svcb.svcparam.ipv4hint.ip", "dns.svcb.svcparam.ipv6hint.ip", "dns.opt.code", "dns.opt.data",
    "dns.opt.client.family", "dns.opt.client.netmask", "dns.opt.client.addr4", "dns.opt.client.addr6",
    "dns.unsolicited", "dns.retransmission",
)  # fmt: skip
SEPARATOR = "\x1e"


def asked(raw: bytes) -> bytes:
    """A query of a name given as it stands."""
    return struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + raw + b"\0\1\0\1"


def told(*records: bytes) -> bytes:
    """A response with these records."""
    return response("q.com", *records)


NAMES = [
    name("plain.com"), b"\0", b"\3a\x01b\0", b"\4a\n\tb\0", b"\3a\\b\0", b"\3a.b\0", b'\5a"b\'c\0', b"\3a\x7fb\0",
    b"\3a\xffb\0", name("münchen.com"), b"\2a\xc3\0", b"\3a\0b\0", b"\2\0b\0", name("a\u200bb\u00a0c\u2028d\ue000e.x"),
    name("a\u0085b\u00adc\U0001f600d.x"),
    b"\x0ca\xed\xa0\x80b\xf4\x90\x80\x80c\xc0\x80\0", b"\x08a\xe2\x82b\xf0\x9f\x98\0",
    b"\6\x07\x08\x0b\x0c\r\x1b\0", b"\3a b\0",
    name(".".join(c * 63 for c in "abc") + "." + "d" * 61), name(".".join(c * 63 for c in "abc") + "." + "d" * 62),
    b"\xc0\x0c", b"\1a\xc0\x0c", b"\x41\x08\xff\0", b"\1a\x41\x08\xff\0", b"\1a\x41\x08\xff\1b\0", b"\x42\x08\xff\0",
    b"\1a\x42\x08\xff\0", b"\x80\x08\xff\0", b"\xc0\x00", b"\xc0\x10", b"\xff\xff", b"\x3fab", b"\1a\xc0",
]  # fmt: skip

_SRV = struct.pack(">HHH", 1, 2, 5060)
_SOA = name("ns.q.com") + name("hm.q.com") + struct.pack(">5I", 2024010101, 1, 2, 3, 4)
_RRSIG = struct.pack(">HBBIIIH", 1, 8, 2, 300, 1704067200, 1701388800, 12345) + name("q.com") + b"signature"
_HTTPS = (struct.pack(">H", 1) + b"\0" + struct.pack(">HH", 1, 6) + texts(b"h2", b"h3")
          + struct.pack(">HHH", 3, 2, 8443) + struct.pack(">HH", 4, 8) + bytes(range(8))
          + struct.pack(">HH", 6, 16) + bytes(range(16)))  # fmt: skip
_SUBNETS = (struct.pack(">HHHBB", 8, 7, 1, 24, 0) + bytes((192, 0, 2)) + struct.pack(">HHHBB", 8, 10, 2, 48, 0)
            + bytes((0x20, 1, 0xD, 0xB8, 0, 1)))  # fmt: skip

RECORDS = [
    told(record(ASKED, 1, b"\1\2\3\4"), record(ASKED, 28, bytes(range(16)))),
    told(record(ASKED, 16, texts(b"hello", b"", b'a\\b"c', b"x\xffy\x80", b"n\nm\0k"))),
    told(record(ASKED, 16, b"\x05ab"), record(ASKED, 1, b"1234")), told(record(ASKED, 16, b"")),
    told(record(ASKED, 1, b"12"), record(ASKED, 1, b"1234")), told(record(ASKED, 28, b"12"), record(ASKED, 1, b"1234")),
    told(record(ASKED, 1, b"1234"), record(ASKED, 1, b"1234")[:-2]), told(record(ASKED, 1, b"1234"), ASKED + b"\0"),
    told(record(name("_sip._udp.q.com"), 33, _SRV + ASKED)), told(record(b"\0", 33, _SRV + b"\0")),
    told(record(ASKED, 15, b"\0\x0a" + b"\4mail" + ASKED), record(ASKED, 15, b"\0\x14\0")),
    told(record(ASKED, 6, _SOA)), told(record(ASKED, 6, _SOA[:-8])), told(record(ASKED, 2, b"\2ns" + ASKED)),
    told(record(ASKED, 12, name("p.q.com")), record(ASKED, 5, ASKED), record(ASKED, 5, b""), record(ASKED, 5, b"\1")),
    told(record(ASKED, 257, b"\x80\x05issueletsencrypt.org")), told(record(ASKED, 43, b"\x12\x34\x08\x02" + bytes(32))),
    told(record(ASKED, 48, b"\1\1\3\x08" + bytes(range(65)))), told(record(ASKED, 48, b"\1\1\3\1" + bytes(range(64)))),
    told(record(ASKED, 46, _RRSIG)), told(record(ASKED, 47, name("n.q.com") + b"\0\6\x40\1\0\0\0\3\1\1\x40")),
    told(record(ASKED, 50, b"\1\1\0\x0a\4\xaa\xbb\xcc\xdd\x14" + bytes(range(20)) + b"\0\1\x40")),
    told(record(ASKED, 65, _HTTPS)), told(record(ASKED, 64, struct.pack(">H", 0) + name("svc.q.com"))),
    told(record(ASKED, 65280, b"what")), told(record(ASKED, 38, b"\3\0"), record(ASKED, 1, b"1234")),
    response("q.com", additional=(opt(1232, do=True, options=_SUBNETS, rcode=1),)),
    query("q.com", additional=(opt(4096, options=struct.pack(">HH", 10, 8) + b"cookies!"),)),
    query("q.com") + b"behind", query("q.com", flags=0x2800), query("q.com", flags=0x0020)[:-3],
    struct.pack(">6H", 5, 0x0100, 2, 0, 0, 0) + name("a") + b"\0\1\0\1" + name("b") + b"\0",
    b"\0\1", b"\0\1\1\0", b"\0\1\1\0\0", b"\0\1\1\0\0\1\0\1\0", b"\0",
]  # fmt: skip


def lines(command: list[str], path: Path) -> list[list[str]]:
    """What a command prints of FIELDS, of each frame."""
    chosen = [part for field in FIELDS for part in ("-e", field)]
    settings = ["-T", "fields", "-E", f"separator={SEPARATOR}", "-E", "aggregator=|"]
    done = subprocess.run([*command, "-r", str(path), *settings, *chosen], capture_output=True, text=True, check=True)
    return [line.split(SEPARATOR) for line in done.stdout.split("\n")[:-1]]


def test_every_name_and_record_is_shown_as_tshark_shows_it(tmp_path: Path) -> None:
    packets = [ask(asked(raw), i, srcport=30_000 + i) for i, raw in enumerate(NAMES)]
    packets += [answer(message, i, srcport=30_000 + i, dst="10.0.0.9") for i, message in enumerate(RECORDS)]
    packets += [ask(asked(raw), i, srcport=5353, dstport=5353, dst=f"224.0.1.{i}") for i, raw in enumerate(NAMES)]
    path = tmp_path / "names.pcap"
    path.write_bytes(write(packets))
    ours = lines([sys.executable, "-m", "pipeline.cli.main", "read"], path)
    theirs = lines(["tshark", "-n"], path)
    assert len(ours) == len(theirs) == len(packets)
    different = [
        (number, field, got, want, packets[number - 1][1][42:])
        for number, pair in enumerate(zip(ours, theirs, strict=True), 1)
        for field, got, want in zip(FIELDS, *pair, strict=True)
        if got != want
    ]
    assert different == []


def test_a_name_that_points_into_the_middle_of_another() -> None:
    names = Names(bytes(12) + name("www.example.com") + b"\3ftp\xc0\x10" + b"\xc0\x1d" + b"\xc0\x10")
    assert names.read(12) == "www.example.com"
    assert [names.read(at) for at in (29, 35, 37)] == ["ftp.example.com", "ftp.example.com", "example.com"]
    assert names.after == 39


def test_what_was_odd_is_told() -> None:
    for raw, odd, shown in ((b"\xc0\x0c", "pointer loop", LOOPS), (NAMES[20], "name too long", TOO_LONG)):
        found = read_message(asked(raw))
        assert found is not None
        assert (found.questions[0][0], found.names.odd, found.fault) == (shown, odd, "")
        (row,) = heard([ask(asked(raw))]).rows["dns"]
        assert (row["shoal.dns.fault"], row["dns.qry.name"]) == (odd, shown)


@pytest.mark.parametrize(("data", "fault"), [
    (b"\0\1\1\0\0", "header cut"), (asked(b"\5abc")[:-4], "name cut"), (asked(b"\0")[:-1], "question cut"),
    (told(record(ASKED, 1, b"abcd"))[:-6], "record cut"), (told(record(ASKED, 1, b"abcd"))[:-1], "data cut"),
    (asked(b"\x80\0"), "unknown label"),
])  # fmt: skip
def test_a_row_is_told_up_to_the_fault(data: bytes, fault: str) -> None:
    (row,) = heard([ask(data)]).rows["dns"]
    assert row["shoal.dns.fault"] == fault
    assert "dns.flags" in row


def test_data_that_do_not_fit_their_type_are_kept_as_bytes() -> None:
    (row,) = heard([answer(told(record(ASKED, 1, b"ab"), record(ASKED, 15, b"\0\1"), record(ASKED, 65280, b"x")))]
                   ).rows["dns"]  # fmt: skip
    assert row["dns_record.data"] == ["\\# 2 6162", "\\# 2 0001", "\\# 1 78"]


@pytest.mark.parametrize(("kind", "data", "text"), [
    (16, texts(b"a b", b'q"\\', "ü".encode(), b"\xff\x01"), '"a b" "q\\"\\\\" "ü" "\\255\\001"'),
    (6, _SOA, "ns.q.com hm.q.com 2024010101 1 2 3 4"), (15, b"\0\x0a\4mail" + ASKED, "10 mail.q.com"),
    (33, _SRV + ASKED, "1 2 5060 q.com"), (257, b"\x80\5issuele.org", '128 issue "le.org"'),
    (43, b"\x12\x34\x08\x02\xab\xcd", "4660 8 2 abcd"), (48, b"\1\1\3\x08key", "257 3 8 a2V5"),
    (46, _RRSIG, "A 8 2 300 20240101000000 20231201000000 12345 q.com c2lnbmF0dXJl"),
    (47, name("n.q.com") + b"\0\6\x40\1\0\0\0\3", "n.q.com A MX RRSIG NSEC"),
    (50, b"\1\0\0\x0a\2\xaa\xbb\5hash!\0\1\x40", "1 0 10 aabb D1GN6Q11 A"),
    (65, _HTTPS, "1 <Root> alpn=h2,h3 port=8443 ipv4hint=0.1.2.3,4.5.6.7 "
                 "ipv6hint=1:203:405:607:809:a0b:c0d:e0f"),
    (52, b"\3\1\1\xaa", "3 1 1 aa"), (44, b"\1\2\xaa", "1 2 aa"), (12, ASKED, "q.com"),
    (13, texts(b"PC", b"OS"), '"PC" "OS"'),
])  # fmt: skip
def test_data_as_zone_files_write_them(kind: int, data: bytes, text: str) -> None:
    (row,) = heard([answer(told(record(ASKED, kind, data)))]).rows["dns"]
    assert (row["dns_record.type"], row["dns_record.data"]) == ([kind], [text])


def test_names_that_overlap_are_looked_at_so_often_and_no_more() -> None:
    names = Names(bytes(12) + b"\1a" * 8000 + b"\0")

    def read_all() -> None:
        for at in range(12, 12 + 16_000, 2):
            assert names.read(at) == TOO_LONG

    with pytest.raises(Fault, match="names overlap"):
        read_all()


def test_chains_of_pointers_take_no_memory() -> None:
    """As far as pointers reach: chains of them, each by other ways, into one long row of labels."""
    body = bytearray((b"\x3f" + b"a" * 63) * 100 + b"\0")
    begins = []
    for i in range(6):
        begins.append(12 + len(body))
        for _ in range(250):
            body += struct.pack(">HHH", 0xC000 | 12 + len(body) + 6, 0, 0)
        body += struct.pack(">H", 0xC000 | 12 + 64 * i)
    names = Names(bytes(12) + bytes(body) + b"\0")
    tracemalloc.start()
    try:
        shown = {names.read(begin) for begin in begins}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert shown == {TOO_LONG}
    assert peak < 1_000_000

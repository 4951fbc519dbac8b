"""Names and data, also hostile ones, held against what tshark 4.0 shows of the same bytes."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.engine.dns.message import read_message
from pipeline.engine.dns.names import LOOPS, ROOT, TOO_LONG, Fault, Names
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
    name("a\u0085b\u00adc\U0001f600d.x"), b"\x0ca\xed\xa0\x80b\xf4\x90\x80\x80c\xc0\x80\0", b"\x08a\xe2\x82b\xf0\x9f\x98\0",
    b"\6\x07\x08\x0b\x0c\r\x1b\0", b"\3a b\0",
    name(".".join(c * 63 for c in "abc") + "." + "d" * 61), name(".".join(c * 63 for c in "abc") + "." + "d" * 62),
    b"\xc0\x0c", b"\1a\xc0\x0c", b"\x41\x08\xff\0", b"\1a\x41\x08\xff\0", b"\1a\x41\x08\xff\1b\0", b"\x42\x08\xff\0",
    b"\1a\x42\x08\xff\0", b"\x80\x08\xff\0", b"\xc0\x00", b"\xc0\x10", b"\xff\xff", b"\x3fab", b"\1a\xc0",
]  # fmt: skip

_SRV = struct.pack(">HHH", 1, 2, 5060)
_SOA = name("ns.q.com") + name("hm.q.com") + struct.pack(">5I", 2024010101, 1, 2, 3, 4)
_RRSIG = struct.pack(">HBBIIIH", 1, 8, 2, 300, 1704067200, 1701388800, 12345) + name("q.com") + b"signature"
_HTTPS = (struct.pack(">H", 1) + b"\0" + struct.pack(">HH", 1, 6) + texts(b"h2", b"h3") + struct.pack(">HHH", 3, 2, 8443)
          + struct.pack(">HH", 4, 8) + bytes(range(8)) + struct.pack(">HH", 6, 16) + bytes(range(16)))  # fmt: skip
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


def test_every_name_and_record_is_shown_as_tshark_shows_it(tmp_path: Path) -> None:
    packets = [ask(asked(raw), i, srcport=1024 + i) for i, raw in enumerate(NAMES)]
    packets += [answer(message, i, srcport=2024 + i, dst="10.0.0.9") for i, message in enumerate(RECORDS)]
    packets += [ask(asked(raw), i, srcport=5353, dstport=5353, dst=f"224.0.1.{i}") for i, raw in enumerate(NAMES)]
    path = tmp_path / "names.pcap"
    path.write_bytes(write(packets))
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", f"separator={SEPARATOR}", "-E", "aggregator=|"]
    for run in (command, ):
        run += [part for field in FIELDS for part in ("-e", field)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    import sys

    command = [sys.executable, "-m", "pipeline.cli.main", "read", *command[2:]]
    ours = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert len(ours) == len(theirs) == len(packets)
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1):
        pairs = zip(FIELDS, mine.split(SEPARATOR), other.split(SEPARATOR), strict=True)
        different = {field: (got, want) for field, got, want in pairs if got != want}
        assert not different, (number, packets[number - 1][1][42:], different)

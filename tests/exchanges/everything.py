"""A capture in which something of every protocol is said: exchanges, halves, a hole, fragments."""

from __future__ import annotations

import struct

from pipeline.schema.exchanges import EXCHANGES
from tests.exchanges import tlsmake as make
from tests.exchanges.dns_bytes import ASKED, framed, query, record, response
from tests.exchanges.hear import BEGIN, SECOND, Frame, Talk, answer, ask
from tests.exchanges.hosts import ONE, TWO, address, arp, asked, dhcp, dhcp6, icmp, icmp6, option, option6, told

_SNMP = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
_KERBEROS = bytes.fromhex("6a143012a103020105a20302010aa4063004a000a20a")
_OICQ = bytes.fromhex("02371300010017561f1e2b") + bytes(20) + b"\3"


def _dhcp() -> list[Frame]:
    lease = (option(54, address("10.0.0.9")), option(51, struct.pack(">I", 3600)))
    new = "10.0.0.50"
    return [
        asked(dhcp(1), 1.0), told(dhcp(2, *lease, your=new), 1.1), asked(dhcp(3, option(50, address(new))), 1.2),
        told(dhcp(5, *lease, your=new), 1.3), asked(dhcp(3, xid=2, client=new), 30.0), asked(dhcp(1, xid=3), 31.0),
        asked(dhcp(7, xid=4, client=new), 40.0),
    ]  # fmt: skip


def _names() -> list[Frame]:
    data = record(ASKED, 1, bytes((192, 0, 2, 80)))
    return [
        ask(query("a.example"), 2.0), answer(response("a.example", data), 2.2), ask(query("b.example", ident=2), 3.0),
        ask(query("b.example", ident=2), 4.0), answer(response("c.example", data, ident=3), 5.0),
        ask(query("m.local"), 6.0, srcport=5353, dst="224.0.0.251", dstport=5353),
    ]  # fmt: skip


def _others() -> list[Frame]:
    ntp = bytes((0x23,)) + bytes(39) + struct.pack(">II", 3_900_000_000, 0)
    times = struct.pack(">IIII", 3_900_000_000, 9, 3_900_000_000, 10)
    reply = bytes((0x24, 2, 6, 0xEC)) + bytes(20) + ntp[40:48] + times
    return [
        arp(1, ONE, "10.0.0.1", bytes(6), "10.0.0.2", 1.0), arp(2, TWO, "10.0.0.2", ONE, "10.0.0.1", 1.01),
        arp(1, ONE, "10.0.0.1", bytes(6), "10.0.0.3", 1.5), arp(2, ONE, "10.0.0.2", TWO, "10.0.0.1", 9.0),
        icmp(8, 0, b"\0\1\0\1", b"ping", 1.0), icmp(8, 0, b"\0\1\0\2", b"ping", 2.0),
        icmp(3, 1, bytes(4), bytes(28), 3.0),
        icmp6(135, bytes(4) + bytes(15) + b"\2", 4.0), icmp6(128, b"\0\1\0\1ping", 5.0),
        dhcp6(1, 7, [option6(1, bytes.fromhex("00030001020000000001"))], 6.0),
        ask(ntp, 7.0, srcport=123, dstport=123), answer(reply, 7.02, srcport=123, dstport=123),
        ask(_SNMP, 8.0, dstport=161), ask(_KERBEROS, 9.0, dstport=88), ask(_OICQ, 10.0, dstport=8000),
        ask(b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n", 11.0,
            srcport=50_000, dst="239.255.255.250", dstport=1900),
        ask(make.initial(make.crypto(0, make.client_hello(make.server_name(b"q.example"))[0:]), b"12345678"), 12.0,
            srcport=50_001, dstport=443),
    ]  # fmt: skip


def _talks() -> list[Talk]:
    hello = make.handshake(make.client_hello(make.server_name(b"t.example"), make.alpn(b"h2")), version=0x0301)
    chain = make.handshake(make.server_hello(), make.message(11, make.certificates(make.certificate())))
    get = b"GET /%d HTTP/1.1\r\nHost: w.example\r\n\r\n"
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n" + bytes(3000)
    lost = Talk(80, srcport=40_010, at=20.0).open().client(get % 9).server(reply).close()
    del lost.frames[5]
    return [
        Talk(80, srcport=40_001, at=1.0).open().client(get % 1).server(reply).client(get % 2 + get % 3).server(
            reply).server(b"HTTP/1.1 304 Not Modified\r\n\r\n").close(),
        lost,
        Talk(443, srcport=40_002, at=2.0, mss=300).open().client(hello).server(chain).client(make.DATA).server(
            make.DATA),
        Talk(4433, srcport=40_003, at=3.0).open().client(hello).close(reset=True),
        Talk(25, srcport=40_004, at=4.0).open().server(b"220 m.example ESMTP\r\n").client(b"EHLO c\r\n").server(
            b"250-m.example\r\n250 STARTTLS\r\n").client(b"MAIL FROM:<a@c>\r\nRCPT TO:<b@m>\r\n").server(
            b"250 ok\r\n550 no\r\n").client(b"STARTTLS\r\n").server(b"220 go\r\n").client(hello).server(chain),
        Talk(22, srcport=40_005, at=5.0).open().server(b"SSH-2.0-s\r\n").client(b"SSH-2.0-c\r\n").close(),
        Talk(53, srcport=40_006, at=6.0).open().client(framed(query("t.example", ident=7))).server(
            framed(response("t.example", record(ASKED, 1, bytes(4)), ident=7))).close(),
        Talk(80, srcport=40_007, at=7.0).open().client(b"GET /unanswered HTTP/1.1\r\n\r\n"),
    ]  # fmt: skip


def everything() -> list[Frame]:
    """The frames by time, over more than two minutes."""
    found = [*_dhcp(), *_names(), *_others(), *(frame for talk in _talks() for frame in talk.frames)]
    later = ask(query("later.example", ident=99), 150.0)
    assert all(time >= BEGIN for time, _ in found)
    return sorted([*found, later, (later[0] + SECOND, later[1])])


ALL_VIEWS = frozenset(record.name.removesuffix("_states") for record in EXCHANGES)

"""Announced conversations get the indices that tshark gives them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipeline.engine import announced
from pipeline.engine.announced import Announced
from tests.engine.wire import A, B, C, D, answer, call, invite, reply, rtsp, sdp, sip, skinny, streams, tcp, tshark, udp

SNMP = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
READ = b"\0\1file\0octet\0"
DATA = b"\0\3\0\1" + b"d" * 20
GETPORT = [udp(A, 900, B, 111, call(7)), udp(B, 111, A, 900, reply(7, 3049))]
MEET = [udp(A, 30000, C, 1234), udp(A, 30000, D, 1235)]
PORTS = "RTP/AVP;unicast;client_port=6970-6971;server_port=50000-50001"
CASES: dict[str, tuple[list[bytes], list[int]]] = {
    "an offer": ([invite(), *MEET, udp(D, 9, A, 30000)], [0, 1, 1, 1]),
    "an offer that is sent again": ([invite(), MEET[0], invite(), MEET[1]], [0, 1, 0, 1]),
    "a new offer": ([invite(), MEET[0], invite(cseq=2), *MEET, udp(D, 1235, A, 30000)], [0, 1, 0, 2, 2, 2]),
    "offer and answer": (
        [invite(), answer(), udp(A, 30000, B, 40000), udp(B, 40000, A, 30000), udp(A, 30001, B, 40001),
         udp(B, 40001, A, 30001), udp(A, 30000, B, 40000)], [0, 0, 1, 2, 3, 4, 1]),
    "progress, then the answer": (
        [invite(), answer("183 Progress"), udp(B, 40000, A, 30000), answer(), udp(B, 40000, A, 30000)],
        [0, 0, 1, 0, 1]),
    "progress twice": (
        [invite(), answer("183 P"), udp(B, 40000, A, 30000), answer("183 P"), udp(B, 40000, A, 30000)],
        [0, 0, 1, 0, 2]),
    "the answer sent again": (
        [invite(), answer(), udp(B, 40000, A, 30000), udp(A, 30000, B, 40000), answer(), udp(B, 40000, A, 30000),
         udp(A, 30000, B, 40000)], [0, 0, 1, 2, 0, 3, 2]),
    "too late": ([MEET[0], invite(), *MEET], [0, 1, 0, 2]),
    "fax": ([invite(media="image", proto="udptl"), *MEET, udp(A, 30001, C, 9), udp(A, 30001, D, 9)], [0, 1, 1, 2, 3]),
    "no medium of ours": ([invite(proto="TCP/MSRP"), *MEET], [0, 1, 2]),
    "a port of its own for RTCP": (
        [invite(more="a=rtcp:30007\r\n"), udp(A, 30001, C, 9), udp(A, 30001, D, 9), udp(A, 30007, C, 9),
         udp(A, 30007, D, 9)], [0, 1, 2, 3, 3]),
    "SIP on another port": (
        [udp(A, 7060, B, 7061, sip("INVITE sip:b@x SIP/2.0", sdp(A, 30000))), *MEET], [0, 1, 1]),
    "SIP over TCP": ([tcp(A, 7060, B, 5060, sip("INVITE sip:b@x SIP/2.0", sdp(A, 30000))), *MEET], [0, 0, 0]),
    "SIP over IPv6": (
        [udp("2001:db8::1", 5060, "2001:db8::2", 5060, sip("INVITE sip:b@x SIP/2.0", sdp("2001:db8::1", 30000))),
         udp("2001:db8::1", 30000, "2001:db8::3", 9), udp("2001:db8::4", 9, "2001:db8::1", 30000)], [0, 1, 1]),
    "no SIP": ([udp(A, 5060, B, 5060, sip("INVITE sip:b@x SIP/3.0", sdp(A, 30000))), *MEET], [0, 1, 2]),
    "MGCP": (
        [udp(A, 2727, B, 2427, b"CRCX 1204 a@x MGCP 1.0\r\nC: A3\r\n\r\n" + sdp(A, 30000).encode()), *MEET], [0, 1, 1]),
    "the portmapper": ([*GETPORT, udp(A, 1, B, 3049), udp(C, 2, B, 3049), udp(B, 3049, D, 3)], [0, 0, 1, 1, 1]),
    "the portmapper again": (
        [*GETPORT, udp(A, 1, B, 3049), udp(A, 900, B, 111, call(8)), udp(B, 111, A, 900, reply(8, 3049)),
         udp(A, 4, B, 3049)], [0, 0, 1, 0, 0, 1]),
    "the portmapper over TCP": (
        [tcp(A, 900, B, 111, b"\x80\0\0\x38" + call(7)), tcp(B, 111, A, 900, b"\x80\0\0\x1c" + reply(7, 3049)),
         udp(A, 1, B, 3049), udp(A, 2, B, 3049)], [0, 0, 0, 0]),
    "the portmapper asked for TCP": (
        [udp(A, 900, B, 111, call(7, protocol=6)), GETPORT[1], udp(A, 1, B, 3049), udp(A, 2, B, 3049)], [0, 0, 1, 2]),
    "the portmapper of version 3": (
        [udp(A, 900, B, 111, call(7, version=3)), GETPORT[1], udp(A, 1, B, 3049), udp(A, 2, B, 3049)], [0, 0, 1, 2]),
    "the portmapper refuses": (
        [GETPORT[0], udp(B, 111, A, 900, reply(7, 3049, 1)), udp(A, 1, B, 3049), udp(A, 2, B, 3049)], [0, 0, 1, 2]),
    "the portmapper unasked": ([GETPORT[1], udp(A, 1, B, 3049), udp(A, 2, B, 3049)], [0, 1, 2]),
    "SNMP": ([udp(A, 4000, B, 161, SNMP)] * 3 + [udp(B, 161, A, 4000, SNMP)], [0, 1, 1, 1]),
    "a trap": ([udp(A, 4000, B, 162, SNMP)] * 2, [0, 1]),
    "SNMP over TCP": ([tcp(A, 4000, B, 161, SNMP), tcp(B, 161, A, 4000, SNMP)], [0, 1]),
    "SNMP after what is none": (
        [udp(A, 4000, B, 161, b"\x31" + SNMP[1:])] * 2 + [udp(A, 4000, B, 161, SNMP)] * 2, [0, 0, 0, 1]),
    "SNMP cut short": ([udp(A, 4000, B, 161, SNMP[:10])] * 2, [0, 0]),
    "TFTP": (
        [udp(A, 900, B, 69, READ), udp(B, 3000, A, 900, DATA), udp(A, 900, B, 3000, DATA), udp(B, 3001, A, 900, DATA),
         udp(C, 3001, A, 900, DATA), udp(A, 900, B, 69, READ), udp(B, 3000, A, 900, DATA)], [0, 1, 1, 1, 2, 0, 3]),
    "TFTP of no mode": ([udp(A, 900, B, 69, b"\0\1f\0x\0"), udp(B, 3, A, 900), udp(B, 4, A, 900)], [0, 1, 2]),
    "Skinny, received": ([tcp(A, 4000, B, 2000, skinny(0x22, 2, A, 30000)), *MEET], [0, 0, 0]),
    "Skinny, sent": ([tcp(A, 4000, B, 2000, skinny(0x8A, 3, A, 30000)), *MEET], [0, 0, 0]),
    "Skinny, old": ([tcp(A, 4000, B, 2000, skinny(0x154, 3, A, 30000, 0)), *MEET], [0, 0, 0]),
    "Skinny, retransmitted": (
        [tcp(A, 4000, B, 2000, skinny(0x22, 2, A, 30000)), MEET[0], tcp(A, 4000, B, 2000, skinny(0x22, 2, A, 30000)),
         *MEET], [0, 0, 0, 0, 0]),
    "Skinny, the second message": (
        [tcp(A, 4000, B, 2000, skinny(0, 1, A, 1) + skinny(0x22, 2, A, 30000)), *MEET], [0, 0, 0]),
    "SOCKS 4": (
        [tcp(A, 9, B, 1080, b"\4\1\0\x50\1\2\3\4u\0"), tcp(B, 1080, A, 9, b"\0\x5a" + b"\0" * 6), tcp(C, 1, D, 2, b""),
         tcp(A, 9, B, 1080, b"GET /", 11), tcp(C, 3, D, 2, b""), tcp(B, 1080, A, 9, b"200", 9), tcp(C, 4, D, 2, b"")],
        [0, 0, 1, 0, 3, 0, 4]),
    "SOCKS 5": (
        [tcp(A, 9, B, 1080, b"\5\1\0"), tcp(B, 1080, A, 9, b"\5\0"), tcp(A, 9, B, 1080, b"\5\1\0\1\1\2\3\4\0\x50", 4),
         tcp(B, 1080, A, 9, b"\5\0\0\1\0\0\0\0\0\0", 3), tcp(C, 1, D, 2, b""), tcp(A, 9, B, 1080, b"GET /", 14),
         tcp(C, 3, D, 2, b"")], [0, 0, 0, 0, 1, 0, 3]),
    "RTSP": (
        [tcp(B, 554, A, 4000, rtsp(PORTS)), udp(B, 50000, A, 6970), udp(C, 50000, A, 6970), udp(B, 50002, A, 6970),
         udp(B, 50001, A, 6971), udp(C, 50001, A, 6971)], [0, 0, 0, 1, 2, 2]),
    "RTSP without the server's ports": (
        [tcp(B, 554, A, 4000, rtsp("RTP/AVP;unicast;client_port=6970-6971")), udp(B, 50000, A, 6970),
         udp(C, 50001, A, 6970), udp(C, 50001, A, 6971), udp(C, 50002, A, 6971)], [0, 0, 0, 1, 1]),
    "RTSP, asked only": (
        [tcp(A, 4000, B, 554, rtsp("RTP/AVP;unicast;client_port=6970-6971", response=False)), udp(B, 50000, A, 6970),
         udp(C, 50001, A, 6970)], [0, 0, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_streams_of_announced_conversations(name: str, tmp_path: Path) -> None:
    frames, expected = CASES[name]
    assert streams(frames, tmp_path) == expected
    assert streams(frames, tmp_path, batch_rows=1) == expected


def test_tshark_gives_the_same_streams(tmp_path: Path) -> None:
    """All cases in one capture, each in a network of its own, in packets and texts."""
    frames = []
    for i, (case, _) in enumerate(CASES.values()):
        high, low = divmod(i + 1, 10)
        frames += [
            frame.replace(bytes((10, 0, 0)), bytes((10, high, low))).replace(b"10.0.0.", b"10.%d.%d." % (high, low))
            for frame in case
        ]
    assert streams(frames, tmp_path) == tshark(frames, tmp_path)


def test_a_full_memory_forgets_the_oldest_and_counts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "MOST_ANNOUNCED", 4)
    heard = Announced()
    for port in range(30000, 30006, 2):
        message = sip("INVITE sip:b@x SIP/2.0", sdp(A, port), call=str(port))
        assert heard.hear(message, port, (0, 1, 5060), (0, 2, 5060), None) == 0
    assert heard.evicted == 2
    a = 0xFFFF0A000001
    assert heard.find((0, a, 30000), (0, 2, 9)) is None
    assert heard.find((0, a, 30004), (0, 2, 9)) == [30004, -1]


@pytest.mark.parametrize("most", [1, 2, 100_000])
def test_hostile_messages_do_no_harm(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "MOST_ASKED", most)
    monkeypatch.setattr(announced, "MOST_ANNOUNCED", most)
    rng = random.Random(7)
    seeds = [(5060, 5060, None, sip("INVITE sip:b@x SIP/2.0", sdp(A, 1))), (900, 111, None, call(1)),
             (111, 900, None, reply(1, 5)), (4000, 2000, 1, skinny(0x22, 2, A, 3)), (4000, 161, None, SNMP),
             (554, 4000, 1, rtsp(PORTS)),
             (9, 1080, 1, b"\5\1\0\1\1\2\3\4\0\x50"), (1080, 9, 1, b"\5\0\0"),
             (900, 69, None, READ), (2727, 2427, None, b"x\r\n\r\n" + sdp(A, 1).encode())]
    heard = Announced()
    for k in range(8000):
        src, dst, seq, seed = seeds[k % len(seeds)]
        data = bytearray(seed[: rng.randrange(len(seed) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        assert heard.hear(bytes(data), k, (0, 1, src), (0, 2, dst), seq and k * 1500) in (0, 2, 3, 6)
    assert heard.generation > 0

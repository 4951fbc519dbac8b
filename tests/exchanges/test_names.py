"""Names of frames' top protocols: by headers, by ports and first bytes, by what a conversation said before."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from pipeline.engine.exchanges.names import PROTOCOL_ID, PROTOCOLS
from pipeline.engine.names import talks
from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.segments import SEGMENTS
from tests.engine.wire import RTP, sdp, sip, tcp, udp
from tests.exchanges.hear import BEGIN, Frame, Talk, ask, heard, same_in_any_batches

MAC = b"\2" * 12
STUN = bytes.fromhex("000100002112a442") + bytes(12)
RADIUS = bytes([1, 1, 0, 20]) + bytes(16)


def names(frames: list[Frame]) -> list[str]:
    """The name of each frame."""
    found = same_in_any_batches(frames).names
    return [found[number] for number in sorted(found)]


def frame(data: bytes) -> Frame:
    """A frame of its own."""
    return BEGIN, data.ljust(60, b"\0")


def ip(protocol: int, body: bytes, flags: int = 0) -> bytes:
    """An Ethernet frame with IPv4."""
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 7, flags, 1, protocol, 0, 0x0A000001, 0xE0000005)
    return MAC + b"\x08\0" + head + body


HEADERS: tuple[tuple[bytes, str], ...] = (
    (MAC + b"\x12\x34abcd", "0x1234"),
    (MAC + b"\x90\0abcd", "LOOP"),
    (MAC + b"\x88\xf7\x10\x02" + bytes(40), "PTPv2"),
    (MAC + b"\x88\x09\x01" + bytes(40), "LACP"),
    (MAC + b"\x08\x06" + bytes.fromhex("0001080006040003") + bytes(20), "RARP"),
    (MAC + b"\x08\x06" + bytes.fromhex("0001080006040001") + bytes(20), "ARP"),
    (MAC + b"\x88\x8e\x01\0\0\x05\x01\x01\0\x05\x01", "EAP"),
    (MAC + b"\x88\x8e\x01\x03\0\x05\x01\x01\0\x05\x01", "EAPOL"),
    (MAC + b"\0\x10\xfe\xfe\x03\x83\x14\x01\0\x11\x01\0\0", "ISIS HELLO"),
    (MAC + b"\0\x10\xaa\xaa\x03\0\0\x0c\x20\0\x02\xb4", "CDP"),
    (MAC + b"\0\x10\xaa\xaa\x03\0\0\x0c\x20\x04\x01", "DTP"),
    (ip(2, bytes.fromhex("11640000e0000005")), "IGMPv2"),
    (ip(2, bytes.fromhex("11000000e0000005")), "IGMPv1"),
    (ip(2, bytes.fromhex("11640000e000000500000000")), "IGMPv3"),
    (ip(2, bytes.fromhex("16000000e0000005")), "IGMPv2"),
    (ip(2, bytes.fromhex("fc000000e0000005")), "RGMP"),
    (ip(88, bytes(20)), "EIGRP"),
    (ip(112, bytes(20)), "VRRP"),
    (ip(17, bytes(24), 0x2000), "IPv4"),
    (ip(253, bytes(20)), "IPv4"),
    (ip(1, b"\x08\0\0\0\0\1\0\1"), "ICMP"),
)


@pytest.mark.parametrize(("data", "name"), HEADERS)
def test_headers(data: bytes, name: str) -> None:
    assert names([frame(data)]) == [name]


DATAGRAM: tuple[tuple[int, bytes, str], ...] = (
    (514, b"<13>hello", "Syslog"), (137, bytes(50), "NBNS"), (1812, RADIUS, "RADIUS"), (1812, bytes(20), "UDP"),
    (1812, b"\1\1\xff\xff" + bytes(16), "UDP"), (9, STUN, "STUN"), (9, b"\x08\1" + STUN[2:], "UDP"),
    (3478, b"\x40\0\0\x04abcd", "STUN"), (69, b"\0\1a\0octet\0", "TFTP"), (500, bytes(28), "ISAKMP"),
    (4500, b"\xff", "UDPENCAP"), (4500, bytes(32), "ISAKMP"), (4500, b"\1" * 32, "ESP"), (520, b"\2\2\0\0", "RIPv2"),
    (9, b"\4\0\0\0" + b"\7" * 28, "WireGuard"), (9, b"\1\0\0\0" + b"\7" * 28, "UDP"),
    (9, b"\x16\xfe\xff" + bytes(8) + b"\0\1\1", "DTLS"), (9, b"\x17\xfe\xfd" + bytes(8) + b"\0\1\1", "DTLSv1.2"),
    (5060, b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", "SIP"), (9, b"SIP/2.0 200 OK\r\n\r\n", "SIP"),
    (111, struct.pack(">6I", 1, 0, 2, 100000, 2, 3), "Portmap"),
    (2049, struct.pack(">6I", 1, 0, 2, 100003, 3, 1), "NFS"),
    (17500, b'{"a": 1}', "DB-LSP-DISC/JSON"), (9, b"d1:ad2:id20:", "BT-DHT"), (5351, bytes(2), "NAT-PMP"),
    (9, b"hello, world", "UDP"),
    (138, b"\x11" + bytes(13) + b"\xffSMB\x25" + bytes(60) + b"\\MAILSLOT\\BROWSE\0", "BROWSER"),
    (47808, bytes.fromhex("810a000c0100100800"), "BACnet-APDU"), (123, bytes(48), "NTP"),
    (7001, bytes(20) + b"\1" + bytes(7), "AFS (RX)"),
)  # fmt: skip


@pytest.mark.parametrize(("port", "data", "name"), DATAGRAM)
def test_datagrams(port: int, data: bytes, name: str) -> None:
    assert names([ask(data, dstport=port)]) == [name]


def test_the_lower_port_is_asked_first_and_the_other_if_it_declines() -> None:
    assert names([ask(b"<1>x", srcport=514, dstport=3784)]) == ["Syslog"]
    assert names([ask(b"<1>x" * 6, srcport=1812, dstport=5683)]) == ["CoAP"]


def test_a_reply_is_of_the_program_that_was_called() -> None:
    call, reply = struct.pack(">6I", 5, 0, 2, 100005, 3, 1), struct.pack(">6I", 5, 1, 0, 0, 0, 0)
    there, back = ask(call, dstport=700), (BEGIN, udp("10.0.0.2", 700, "10.0.0.1", 40_000, reply))
    assert names([there, back]) == ["MOUNT", "MOUNT"]
    assert names([back]) == ["UDP"]


def test_what_was_announced_is_named_by_that() -> None:
    offer = udp("10.0.0.1", 5060, "10.0.0.2", 5060, sip("INVITE sip:b@x SIP/2.0", sdp("10.0.0.1", 7000)))
    media = udp("10.0.0.2", 9000, "10.0.0.1", 7000, RTP)
    control = udp("10.0.0.2", 9001, "10.0.0.1", 7001, bytes.fromhex("81c9000700162ffd") + bytes(24))
    assert names([(BEGIN, offer), (BEGIN, media), (BEGIN, control)]) == ["SIP/SDP", "RTP", "RTCP"]
    assert names([(BEGIN, media)]) == ["UDP"]
    asked = udp("10.0.0.1", 1234, "10.0.0.2", 69, b"\0\1a\0octet\0")
    sent = udp("10.0.0.2", 4321, "10.0.0.1", 1234, b"\0\3\0\1" + bytes(512))
    assert names([(BEGIN, asked), (BEGIN, sent)]) == ["TFTP", "TFTP"]


def spoken(talk: Talk) -> list[str]:
    """The names of a conversation's segments with payload."""
    found = same_in_any_batches(talk.frames).names
    return [found[i] for i, (_, data) in enumerate(talk.frames, 1) if len(data) > 54]


MQTT = bytes.fromhex("100c00044d5154540402003c0000")


def test_a_segment_bears_the_name_of_the_message_that_ends_in_it() -> None:
    long = b"\x30\xe8\x07\0\1a" + b"z" * 997
    talk = Talk(1883, mss=400).open().client(MQTT).client(MQTT[:6]).client(MQTT[6:]).client(long).client(MQTT)
    assert spoken(talk) == ["MQTT", "TCP", "MQTT", "TCP", "TCP", "MQTT", "MQTT"]
    one = Talk(1883).open()
    for byte in MQTT:
        one.client(bytes([byte]))
    assert spoken(one) == ["TCP"] * 13 + ["MQTT"]


def test_what_is_sent_again_or_late_is_tcp() -> None:
    talk = Talk(21).open().client(b"USER a\r\n").server(b"331 x\r\n").client(b"PASS b\r\n")
    again = [*talk.frames, talk.frames[3]]
    found = same_in_any_batches(again).names
    assert [found[i] for i in range(4, 8)] == ["FTP", "FTP", "FTP", "TCP"]
    talk = Talk(21).open().client(b"USER a\r\n").client(b"PASS b\r\n")
    late = talk.frames[4][0] + 1_000_000, talk.frames[3][1]
    found = same_in_any_batches([*talk.frames[:3], talk.frames[4], late]).names
    assert [found[4], found[5]] == ["FTP", "TCP"]


def test_the_port_that_answers_a_syn_is_asked_first() -> None:
    message = bytes.fromhex("0564 05c0 0100 0000 0421".replace(" ", ""))
    assert spoken(Talk(20000, srcport=1080).open().client(message)) == ["DNP 3.0"]
    assert names([(BEGIN, tcp("10.0.0.1", 1080, "10.0.0.2", 20000, message))]) == ["Socks"]


def test_a_bind_tells_the_interface_of_later_calls() -> None:
    uuid = bytes.fromhex("785734123412cdabef000123456789ac")
    bind = b"\5\0\x0b\3\x10\0\0\0" + struct.pack("<HHI", 72, 0, 1) + bytes(8) + b"\1\0\0\0"
    bind += b"\0\0\1\0" + uuid + bytes(24)
    call = b"\5\0\0\3\x10\0\0\0" + struct.pack("<HHI", 24, 0, 2) + bytes(8)
    first = b"\5\0\0\1\x10\0\0\0" + struct.pack("<HHI", 24, 0, 3) + bytes(8)
    assert len(bind) == 72
    assert spoken(Talk(49152).open().client(bind).client(call).server(call).client(first)) == [
        "DCERPC", "SAMR", "SAMR", "DCERPC"]


def test_sessions_of_smb() -> None:
    def session(body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + body

    one, two = b"\xffSMB\x72" + bytes(28), b"\xfeSMB" + bytes(60)
    talk = Talk(445).open().client(session(one)).server(session(two)).client(session(one) + session(two)[:20])
    assert spoken(talk.client(session(two)[20:])) == ["SMB", "SMB2", "SMB", "SMB2"]


def test_heard_at_any_port() -> None:
    assert spoken(Talk(9999).open().server(b"RFB 003.008\n").client(b"RFB 003.008\n")) == ["VNC", "VNC"]
    fix = b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01"
    assert spoken(Talk(9999).open().client(fix).client(b"8=O\x019=1")) == ["FIX", "FIX"]
    assert spoken(Talk(9999).open().client(b"\x13BitTorrent protocol" + bytes(48))) == ["BitTorrent"]
    assert spoken(Talk(9999).open().client(b"nothing of that kind")) == ["TCP"]


def test_data_of_ftp_was_announced() -> None:
    control = Talk(21).open().client(b"PASV\r\n").server(b"227 Entering (10,0,0,2,195,80)\r\n")
    data = Talk(50_000, srcport=40_001, at=1.0).open().server(b"\0\1\2\3 a file")
    found = same_in_any_batches([*control.frames, *data.frames]).names
    assert found[len(control.frames) + 4] == "FTP-DATA"


def test_the_cap_is_told() -> None:
    """What is forgotten is the talk, not the names: each conversation begins anew."""
    frames = [(BEGIN + i, tcp("10.0.0.1", 20_000 + i, "10.0.0.2", 1883, MQTT)) for i in range(talks.MOST_TALKS + 100)]
    found = heard(frames)
    assert ("talks-forgotten", 1) in found.events
    assert found.names[1] == found.names[len(frames)] == "MQTT"


def test_inside_gtp_is_told_so() -> None:
    inner = tcp("10.0.0.1", 1000, "10.0.0.2", 21, b"USER a\r\n")[14:]
    gtp = b"\x30\xff" + struct.pack(">HI", len(inner), 7) + inner
    assert names([(BEGIN, udp("1.1.1.1", 2152, "2.2.2.2", 2152, gtp))]) == ["GTP <FTP>"]


def test_what_is_declared_can_be_told() -> None:
    assert len(PROTOCOL_ID) == len(PROTOCOLS) < 1 << 16
    for protocol in (*DATAGRAMS, *SEGMENTS):
        assert {protocol.name, *protocol.says} <= PROTOCOL_ID.keys()
    assert all(0 <= port <= 0xFFFF for protocol in (*DATAGRAMS, *SEGMENTS) for port in protocol.ports)


def test_any_bytes_at_any_port_are_named() -> None:
    """Hostile bytes: each declared port hears each of these, whole and cut short."""
    shapes = (
        b"\0" * 40, b"\xff" * 40, bytes(range(40)), b"\x30\x84\xff\xff\xff\xff\2\1", b"\5\0\x0b\3\x10" + b"\xff" * 40,
        b"\0\0\0\x40\xfeSMB" + b"\xff" * 60, b"\0\0\0\x24\xffSMB\x25" + b"\xff" * 32, b"*9999999\r\n$-1\r\n",
        b"\3\0\0\7\2\xf0\x80",
    )  # fmt: skip
    ports = sorted({port for protocol in (*DATAGRAMS, *SEGMENTS) for port in protocol.ports})
    frames = []
    for i, port in enumerate(ports):
        shape = shapes[i % len(shapes)]
        frames.append((BEGIN, udp("10.0.0.1", 65_000, "10.0.0.2", port, shape)))
        frames.append((BEGIN, tcp("10.0.0.1", 65_000, "10.0.0.2", port, shape)))
        frames.append((BEGIN, tcp("10.0.0.2", port, "10.0.0.1", 65_000, shape[:7])))
    whole = heard(frames)
    assert len(whole.names) == len(frames)
    assert all(whole.names.values())
    assert len(set(whole.names.values())) > 150
    assert heard(frames, batch_rows=500, restore=True).names == whole.names


def test_order_of_declarations_is_by_port_or_heard() -> None:
    """Of two with a port in common the later one has it: none loses all of its ports so."""
    for declared in (DATAGRAMS, SEGMENTS):
        owner = {port: protocol.name for protocol in declared for port in protocol.ports}
        for protocol in declared:
            assert not protocol.ports or any(owner[port] == protocol.name for port in protocol.ports)
    assert all(one is not other for one, other in pairwise(DATAGRAMS))

"""The line a frame, on a frame of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.render.summary import protocol, summary_writer
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.render.test_render_fields import batch, put, put_list
from tests.render.zoo import write

LINES = """\
    1   0.000000     10.0.0.1 → 10.0.0.2     TCP 74 1234 → 80 [SYN] Seq=0 Win=8192 Len=0 MSS=1460 SACK_PERM TSval=5 TSecr=6 WS=128
    2   0.500000  2001:db8::1 → fe80::1:0:0:1 TCP 94 1234 → 80 [SYN] Seq=0 Win=8192 Len=0 MSS=1460 SACK_PERM TSval=5 TSecr=6 WS=128
    3   1.000000     10.0.0.1 → 10.0.0.2     UDP 64 5 → 6 Length=10
    8   3.500000  192.168.1.1 → 192.168.1.2  ICMP 72 Destination unreachable (Host unreachable)
    9   4.000000  192.168.1.1 → 192.168.1.2  ICMP 70 Destination unreachable (Fragmentation needed) MTU=1400
   10   4.500000  192.168.1.1 → 192.168.1.2  ICMP 72 Redirect to 9.9.9.9
   12   5.500000  2001:db8::1 → fe80::1:0:0:1 ICMPv6 62 Echo (ping) request id=0x0003 seq=4
   13   6.000000     10.0.0.1 → 10.0.0.2     ICMP 42 Echo (ping) request id=0x0005 seq=6
   14   6.500000  2001:db8::1 → fe80::1:0:0:1 ICMPv6 78 Neighbor solicitation for fe80::5
   16   7.500000 02:00:00:00:00:01 → 02:00:00:00:00:02 ARP 42 Who has 1.2.3.9? Tell 1.2.3.4
   17   8.000000 02:00:00:00:00:01 → 02:00:00:00:00:02 ARP 42 1.2.3.9 is at 02:00:00:00:00:0a
   24  11.500000     10.0.0.1 → 10.0.0.2     SCTP 66 7 → 8
   25  12.000000     10.9.9.9 → 224.0.0.5    IGMP 62 Membership report v2 224.0.0.5
   27  13.000000     10.0.0.1 → 10.0.0.2     TCP 62 5 → 6 [FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE] Seq=0 Ack=0 Win=8192 Urg=0 Len=0
"""  # noqa: E501


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = write(tmp_path_factory.mktemp("zoo") / "zoo.pcap")
    return lines_of(path)


def lines_of(path: Path) -> list[str]:
    """The summary of a capture."""
    columns, writer, text = Columns(PACKETS), summary_writer(), b""
    with open_capture(path) as reader:
        for frames in reader:
            decode(frames, columns)
            text += b"".join(bytes(piece) for piece in writer.lines(columns))
    return text.decode().splitlines()


def test_lines(printed: list[str]) -> None:
    for line in LINES.splitlines():
        assert printed[int(line.split()[0]) - 1] == line


def test_every_frame_has_a_line(printed: list[str]) -> None:
    assert [int(line.split()[0]) for line in printed] == list(range(1, 34))


def test_marks(printed: list[str], tmp_path: Path) -> None:
    """Fragments, and headers that the snap length cut or that do not fit, say so."""
    assert printed[25].endswith("[fragment]")
    assert printed[32].endswith("[more fragments]")
    data = bytearray(write(tmp_path / "zoo.pcap").read_bytes()[: 24 + 16 + 74])
    data[32:36] = (50).to_bytes(4, "little")
    (tmp_path / "cut.pcap").write_bytes(data[: 24 + 16 + 50])
    assert lines_of(tmp_path / "cut.pcap")[0].endswith(" [cut in tcp]")


SEGMENTS: tuple[tuple[dict[str, int], dict[str, int], str], ...] = (
    ({}, {}, "5 → 80 [ACK] Seq=4000000000 Ack=77 Win=500 Len=9"),
    ({"tcp.seq": 1, "tcp.ack": 2, "tcp.window_size": 64000}, {}, "5 → 80 [ACK] Seq=1 Ack=2 Win=64000 Len=9"),
    ({"tcp.seq": 1}, {"retransmission": 1}, "[TCP Retransmission] 5 → 80 [ACK] Seq=1 Ack=77 Win=500 Len=9"),
    ({}, {"retransmission": 1, "fast_retransmission": 1}, "[TCP Fast Retransmission] 5 → "),
    ({}, {"retransmission": 1, "spurious_retransmission": 1, "ack_lost_segment": 1},
     "[TCP ACKed unseen segment] [TCP Spurious Retransmission] 5 → "),
    ({"tcp.analysis.duplicate_ack_num": 3, "tcp.analysis.duplicate_ack_frame": 12},
     {"duplicate_ack": 1, "ack_lost_segment": 1}, "[TCP Dup ACK 12#3] [TCP ACKed unseen segment] 5 → "),
    ({}, {"reused_ports": 1, "lost_segment": 1}, "[TCP Previous segment not captured] [TCP Port numbers reused] 5 → "),
    ({}, {"window_full": 1, "retransmission": 1}, "[TCP Window Full] [TCP Retransmission] 5 → "),
    ({}, {"keep_alive": 1}, "[TCP Keep-Alive] 5 → "),
    ({}, {"zero_window_probe_ack": 1, "zero_window": 1}, "[TCP ZeroWindowProbeAck] [TCP ZeroWindow] 5 → "),
    ({}, {"tfo_syn": 1}, "5 → 80 [ACK]"),
)
"""Cells of the engine, its marks, and what the line then says."""


@pytest.mark.parametrize(("cells", "marks", "said"), SEGMENTS)
def test_what_the_engine_makes_of_a_segment(cells: dict[str, int], marks: dict[str, int], said: str) -> None:
    columns = batch(1)
    columns.texts = ["eth:ip:tcp"]
    sent = {"tcp.srcport": 5, "tcp.dstport": 80, "tcp.seq_raw": 4_000_000_000, "tcp.ack_raw": 77, "tcp.flags": 16,
            "tcp.window_size_value": 500, "tcp.len": 9}
    for name, value in (sent | cells).items():
        put(columns, name, value)
    for name in marks:
        bits_of = PACKETS.by_name[f"tcp.analysis.{name}"].bits_of
        assert bits_of is not None
        columns.values("shoal.tcp.analysis")[0] |= 1 << bits_of[1]
    line = _line(columns)
    assert line.rstrip("\n").partition(" TCP 0 ")[2].startswith(said)


def test_sack_blocks() -> None:
    columns = batch(2)
    columns.texts = ["eth:ip:tcp"]
    put(columns, "tcp.len", 0)
    put_list(columns, "sack", [1, 2], sack_le=[5, 7, 9], sack_re=[6, 8, 10])
    assert [line.partition(" Len=0")[2] for line in _line(columns).splitlines()] == [
        " SLE=5 SRE=6", " SLE=7 SRE=8 SLE=9 SRE=10"]


def _line(columns: Columns) -> str:
    return b"".join(bytes(piece) for piece in summary_writer().lines(columns)).decode()


@pytest.mark.parametrize(("layers", "name"), [
    ("eth:ethertype:ip:tcp", "TCP"), ("eth:ethertype:ipv6:udp:data", "UDP"), ("eth:ethertype:ip:data", "IPv4"),
    ("eth:ethertype:data", "Ethernet"), ("raw:ipv6", "IPv6"), ("", "Data"), ("frame:data", "Data"),
    ("eth:ethertype:vlan:ethertype:arp", "ARP"),
])
def test_protocol(layers: str, name: str) -> None:
    assert protocol(layers) == name

"""The line a frame, on a frame of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.render.summary import protocol, summary_writer
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
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
   27  13.000000     10.0.0.1 → 10.0.0.2     TCP 62 5 → 6 [FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE] Seq=0 Ack=0 Win=8192 Len=0
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


@pytest.mark.parametrize(("layers", "name"), [
    ("eth:ethertype:ip:tcp", "TCP"), ("eth:ethertype:ipv6:udp:data", "UDP"), ("eth:ethertype:ip:data", "IPv4"),
    ("eth:ethertype:data", "Ethernet"), ("raw:ipv6", "IPv6"), ("", "Data"), ("frame:data", "Data"),
    ("eth:ethertype:vlan:ethertype:arp", "ARP"),
])
def test_protocol(layers: str, name: str) -> None:
    assert protocol(layers) == name

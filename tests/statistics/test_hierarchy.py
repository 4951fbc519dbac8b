"""`-z io,phs`: the tree of protocols, as tshark counts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.read import read
from pipeline.statistics.hierarchy import _layers
from tests.engine.wire import tcp, udp
from tests.exchanges.hear import BEGIN, Frame, Talk, write

MQTT = bytes.fromhex("100c00044d5154540402003c0000")
RULE = "=" * 67


def frames() -> list[Frame]:
    """Several protocols over UDP and TCP, over IPv4 and IPv6, and one that no one knows."""
    smb = b"\0\0\0\x40\xfeSMB\x40" + bytes(59)
    return [
        (BEGIN, udp("10.0.0.1", 4000, "10.0.0.2", 514, b"<13>hello")),
        (BEGIN, udp("10.0.0.1", 4000, "10.0.0.2", 9, b"what is that?")),
        (BEGIN, udp("2001:db8::1", 4000, "2001:db8::2", 137, bytes(50))),
        *Talk(1883).open().client(MQTT).frames,
        *Talk(445, srcport=50_000).open().client(smb).frames,
        (BEGIN, b"\2" * 12 + b"\x12\x34" + bytes(46)),
        (BEGIN, tcp("10.0.0.1", 4000, "10.0.0.2", 4001, b"\1\2\3\4")),
    ]


TREE = f"""
{RULE}
Protocol Hierarchy Statistics
Filter:{" "}

eth                                      frames:13 bytes:850
  ip                                     frames:11 bytes:678
    udp                                  frames:2 bytes:106
      syslog                             frames:1 bytes:51
      data                               frames:1 bytes:55
    tcp                                  frames:9 bytes:572
      mqtt                               frames:1 bytes:68
      nbss                               frames:1 bytes:122
        smb2                             frames:1 bytes:122
  ipv6                                   frames:1 bytes:112
    udp                                  frames:1 bytes:112
      nbns                               frames:1 bytes:112
  data                                   frames:1 bytes:60
{RULE}
"""


def tree(path: Path, *more: str) -> str:
    """What is printed of a capture."""
    result = CliRunner().invoke(read, ["-q", "-z", "io,phs", "-r", str(path), *more])
    assert result.exit_code == 0, result.output
    return result.output


def test_tree(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcap"
    path.write_bytes(write(frames()))
    assert tree(path) == TREE


def test_only_frames_that_match_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcap"
    path.write_bytes(write(frames()))
    lines = tree(path, "udp", "port", "514").splitlines()[5:-1]
    assert [line.split() for line in lines] == [
        [name, "frames:1", "bytes:51"] for name in ("eth", "ip", "udp", "syslog")
    ]
    assert tree(path, "udp", "port", "7").splitlines()[5:] == [RULE]


def test_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(write([]))
    assert tree(path).splitlines() == ["", RULE, "Protocol Hierarchy Statistics", "Filter: ", "", RULE]


@pytest.mark.parametrize(("path", "name", "layers"), [
    ("eth:ethertype:ip:udp:data", "SIP/SDP", "eth:ip:udp:sip"),
    ("eth:ethertype:ip:tcp", "POP/IMF", "eth:ip:tcp:pop:imf"),
    ("eth:ethertype:ip:tcp", "TLSv1.3", "eth:ip:tcp:tls"),
    ("eth:ethertype:ip:tcp", "SAMR", "eth:ip:tcp:dcerpc"),
    ("eth:ethertype:ip:udp:data", "NFS", "eth:ip:udp:rpc:nfs"),
    ("eth:ethertype:ip:udp:data", "UDP", "eth:ip:udp:data"),
    ("eth:ethertype:ip:udp:gtp:ip:tcp", "GTP <HTTP>", "eth:ip:udp:gtp:ip:tcp:http"),
    ("eth:ethertype:arp", "ARP", "eth:arp"),
    ("eth:ethertype:ip:icmp", "ICMP", "eth:ip:icmp"),
    ("eth:ethertype:data", "0x1234", "eth:data"),
    ("eth:ethertype:data", "LOOP", "eth:loop"),
    ("eth:ethertype:ip:data", "EIGRP", "eth:ip:eigrp"),
    ("", "", ""),
])  # fmt: skip
def test_layers(path: str, name: str, layers: str) -> None:
    assert ":".join(_layers(path, name)) == layers

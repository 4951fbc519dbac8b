"""Every field that tshark knows too, on a frame of each kind, held against tshark's own text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.all import IP, TCP, Ether, Packet, wrpcap  # type: ignore[attr-defined]

from pipeline.schema import PACKETS
from pipeline.schema.exchanges import DETAILS
from pipeline.schema.shown import shown
from tests.render.zoo import START, write

ROOT = Path(__file__).resolve().parents[2]
SHOAL = [sys.executable, "-c", "from pipeline.cli.main import main; main()"]

OURS = {"sensor", "capture", "frame.raw", "tls.handshake.ja4"}
# tshark names layers above TCP and UDP too, and an interface only where the file has some (pcapng).
OTHERWISE = {"frame.protocols", "frame.interface_id"}
# Numbered or made relative by the engine, whose tests hold them against tshark.
STATE = {"tcp.stream", "udp.stream", "tcp.options.sack_le", "tcp.options.sack_re", "arp.duplicate-address-detected",
         "tcp.seq", "tcp.nxtseq", "tcp.ack", "tcp.window_size", "tcp.window_size_scalefactor", "tcp.time_relative",
         "tcp.time_delta", "tcp.completeness",
         *(n for n in shown(PACKETS) if n.startswith(("tcp.analysis.", "tcp.connection.")))}
# Fields of link types, options and file formats that no frame of the zoo has.
NOT_IN_ZOO = {"sll.pkttype", "sll.hatype", "sll.src.eth", "sll.etype", "ipv6.routing.type", "icmpv6.mtu",
              "tcp.options.mptcp.subtype", "frame.packet_flags", "frame.packet_flags_direction",
              "frame.packet_flags_reception_type"}
FIELDS = [n for n in shown(PACKETS) if not n.startswith("shoal.") and n not in OURS | OTHERWISE | STATE]

SETTINGS = {
    "as they are": [],
    "first of several": ["-E", "occurrence=f"],
    "last of several": ["-E", "occurrence=l"],
    "set otherwise": ["-E", "header=y", "-E", "separator=;", "-E", "aggregator=/s", "-E", "quote=d"],
    "single quotes": ["-E", "quote=s", "-E", "separator=/s", "-E", "header=n"],
}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("zoo") / "zoo.pcap")


def fields_of(command: list[str], path: Path, names: list[str], settings: list[str]) -> str:
    """What a command prints of `names`."""
    chosen = [option for name in names for option in ("-e", name)]
    done = subprocess.run([*command, "-r", str(path), "-T", "fields", *settings, *chosen], capture_output=True,
                          text=True, check=True, cwd=ROOT, env={**os.environ, "TZ": "UTC"})
    return done.stdout


def shoal_read(path: Path, names: list[str], settings: list[str]) -> str:
    """What `shoal read` prints."""
    return fields_of([*SHOAL, "read"], path, names, settings)


def tshark(path: Path, names: list[str], settings: list[str]) -> str:
    """What tshark prints."""
    return fields_of(["tshark", "-n"], path, names, settings)


def test_every_field(zoo: Path) -> None:
    """Field by field, so that what differs says its name."""
    ours = [line.split("\t") for line in shoal_read(zoo, FIELDS, []).splitlines()]
    theirs = [line.split("\t") for line in tshark(zoo, FIELDS, []).splitlines()]
    assert len(ours) == len(theirs)
    printed = {name: list(column) for name, *column in zip(FIELDS, *ours, strict=True)}
    expected = {name: list(column) for name, *column in zip(FIELDS, *theirs, strict=True)}
    different = {n for n in FIELDS if printed[n] != expected[n]}
    assert {n: printed[n] for n in different} == {n: expected[n] for n in different}
    assert {n for n in FIELDS if not any(expected[n]) and n not in DETAILS} == NOT_IN_ZOO


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_settings(zoo: Path, settings: list[str]) -> None:
    names = ["frame.number", "ip.src", "ip.ttl", "vlan.id", "tcp.port", "eth.addr", "tcp.options.sack_perm", "ip.id"]
    assert shoal_read(zoo, names, settings) == tshark(zoo, names, settings)


def exchange() -> list[Packet]:
    """A connection in which something of nearly everything goes wrong, with times."""
    ends = [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2"),
            Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="10.0.0.2", dst="10.0.0.1")]
    syn = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (5, 0)), ("NOP", None), ("WScale", 7)]
    packets = []

    def put(at: float, side: int, flags: str, seq: int, ack: int, length: int = 0, **more: Any) -> None:
        ports = {"sport": 80 if side else 4000, "dport": 4000 if side else 80}
        first = 7000 if side else 4_294_967_000
        other = 4_294_967_000 if side else 7000
        header = TCP(**ports, flags=flags, seq=(first + seq) % 2**32, ack=(other + ack) % 2**32 if "A" in flags else 0,
                     **{"window": 500, **more})
        packets.append(ends[side] / header / bytes(length))
        packets[-1].time = START + at

    put(0.000, 0, "S", 0, 0, options=syn)
    put(0.010, 1, "SA", 0, 1, options=syn, window=8)
    put(0.020, 0, "A", 1, 1)
    put(0.021, 0, "PA", 1, 1, 500)
    put(0.031, 1, "A", 1, 501, window=8)
    put(0.032, 0, "A", 1001, 1, 500)
    for i in range(3):
        put(0.042 + i / 1000, 1, "A", 1, 501, window=8,
            options=[("NOP", None), ("NOP", None), ("SAck", ((4_294_967_000 + 1001) % 2**32, 1205))])
    put(0.046, 0, "A", 501, 1, 500)
    put(0.056, 1, "A", 1, 1501, window=8)
    put(0.300, 0, "A", 501, 1, 500)
    put(0.310, 0, "A", 1501, 1, 500)
    put(0.600, 0, "A", 1501, 1, 500)
    put(0.610, 0, "A", 2001, 1, 524)
    put(0.620, 1, "A", 1, 2525, window=0)
    put(0.900, 0, "A", 2525, 1, 1)
    put(0.910, 1, "A", 1, 2525, window=0)
    put(1.000, 1, "A", 1, 2525, window=8)
    put(1.001, 0, "A", 2525, 1, 200)
    put(1.010, 1, "A", 1, 2725, window=8)
    put(46.00, 0, "A", 2724, 1, 1)
    put(46.01, 1, "A", 1, 2725, window=8)
    put(46.02, 1, "A", 1, 9725, window=8)
    put(47.00, 0, "FA", 2725, 1)
    put(47.01, 1, "RA", 1, 2726)
    put(48.00, 0, "S", 77_000, 0, options=syn)
    return packets


def test_what_the_line_says_of_segments(tmp_path: Path) -> None:
    """Marks, relative numbers, scaled windows and SACK blocks of the line a frame, as tshark's Info column."""
    path = tmp_path / "exchange.pcap"
    wrpcap(str(path), exchange())
    run = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    ours = subprocess.run([*SHOAL, "read", "-r", str(path)], **run).stdout.splitlines()
    theirs = tshark(path, ["_ws.col.Info"], []).splitlines()
    marks = {mark for line in theirs for mark in re.findall(r"\[TCP ([A-Za-z -]+)", line)}
    assert len(marks) >= 12, marks
    said = [re.split(r" (?:TCP|HTTP) \d+ ", line)[1] for line in ours]
    assert said == [line.rstrip() for line in theirs]

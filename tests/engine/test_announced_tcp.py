"""Connections that FTP announces: their conversations are there before their SYN, which then does not count."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.engine import announced
from pipeline.engine.announced import Announced
from tests.engine.conversations import ACK, MS, PSH, START, SYN, Frame, ethernet
from tests.engine.test_against_tshark import FIELDS, differences, ours, tshark, written

HERE = FIELDS.index("tcp.completeness")
# Of each: what the server (S) or the client (C) says on port 21, and then the connections that are made, as
# "who, port > who, port"; W is another host. The numbers of the addresses are put in for {0}.
CASES: dict[str, tuple[list[str], list[str], list[bool]]] = {
    "PASV": (["S 227 Passive (10,{0},0,2,4,1).\r\n"], ["C6000>S1025"], [True]),
    "PASV, used twice": (["S 227 x 10,{0},0,2,4,1\r\n"], ["C6000>S1025", "C6001>S1025"], [True, False]),
    "PASV, told twice": (["S 227 x 10,{0},0,2,4,1\r\n"] * 2, ["C6000>S1025", "C6001>S1025"], [True, True]),
    "PASV, another client": (["S 227 x 10,{0},0,2,4,1\r\n"], ["W6000>S1025"], [False]),
    "PASV, another server": (["S 227 x 10,{0},0,3,4,1\r\n"], ["C6000>S1025", "C6000>W1025"], [False, True]),
    "PASV, from the server": (["S 227 x 10,{0},0,2,4,1\r\n"], ["S1025>C6000"], [True]),
    "PASV, not its first number": (["S 227-9 8 10,{0},0,2, 260,1"], ["C6000>S1025"], [True]),
    "PASV on the second line": (["S 230 hi\r\n227 x 10,{0},0,2,4,1\r\n"], ["C6000>S1025"], [False]),
    "PASV, too few numbers": (["S 227 x 10,{0},0,2,4\r\n"], ["C6000>S1025"], [False]),
    "another answer": (["S 226 x 10,{0},0,2,4,1\r\n"], ["C6000>S1025"], [False]),
    "EPSV": (["S 229 Extended (|||1025|)\r\n"], ["C6000>S1025"], [True]),
    "EPSV, another delimiter": (["S 229 x (!!!1025!)\r\n"], ["C6000>S1025"], [True]),
    "EPSV, no port": (["S 229 x (|||)\r\n"], ["C6000>S1025"], [False]),
    "PORT": (["C PORT 10,{0},0,1,4,1\r\n"], ["S20>C1025", "S20>C1026"], [True, False]),
    "PORT, from another port": (["C PORT 10,{0},0,1,4,1\r\n"], ["S2020>C1025", "S20>C1030"], [False, True]),
    "PORT, its first letters": (["C PO 10,{0},0,1,4,1\r\n"], ["S20>C1025"], [True]),
    "PORT in small letters": (["C port 10,{0},0,1,4,1\r\n"], ["S20>C1025"], [False]),
    "PORT from the server": (["S PORT 10,{0},0,1,4,1\r\n"], ["S20>C1025"], [False]),
    "EPRT": (["C EPRT |1|10.{0}.0.1|1025|\r\n"], ["S20>C1025"], [False]),
}


def spoken(at: int, source: str, srcport: int, target: str, dstport: int, flags: int, numbers: tuple[int, int],
           payload: bytes = b"") -> Frame:
    """A segment between two of the hosts C, S and W, all of network `at`."""
    src, dst = (f"10.{at}.0.{'CSW'.index(who) + 1}" for who in (source, target))
    head = struct.pack(">HHIIBBHHH", srcport, dstport, *numbers, 0x50, flags, 8192, 0, 0)
    data = ethernet(src, dst, 6, head + payload)
    return Frame(START + at * MS, data, len(data))


def frames(at: int, lines: list[str], connections: list[str]) -> list[Frame]:
    """What one case is made of."""
    made = []
    seq = 1
    for line in lines:
        text = line[2:].format(at).encode()
        ends = ("C", 5000, "S", 21) if line[0] == "C" else ("S", 21, "C", 5000)
        made.append(spoken(at, *ends, ACK | PSH, (seq, 1), text))
        seq += len(text)
    for made_by, to in (c.split(">") for c in connections):
        ends = (made_by[0], int(made_by[1:]), to[0], int(to[1:]))
        made += [spoken(at, *ends, SYN, (100, 0)), spoken(at, *ends[2:], *ends[:2], SYN | ACK, (300, 101)),
                 spoken(at, *ends, ACK, (101, 301))]
    return made


def test_connections_that_ftp_announces(tmp_path: Path) -> None:
    made, of = [], []
    for at, (name, (lines, connections, _)) in enumerate(CASES.items(), 1):
        made += frames(at, lines, connections)
        of += [name] * (len(lines) + 3 * len(connections))
    path = written(made, tmp_path / "made.pcap")
    got = ours(path)
    assert [(of[i - 1], i, *rest) for i, *rest in differences(got, tshark(path))] == []
    assert ours(path, 3) == got
    for name, (lines, connections, known) in CASES.items():
        first = of.index(name) + len(lines)
        # What the SYN-ACK shows is what the SYN has left behind.
        assert [got[first + 3 * k + 1][HERE] == "0" for k in range(len(connections))] == known, name


def test_awaited_connections_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "MOST_ANNOUNCED", 3)
    told = Announced()
    server, client = (0, 0xFFFF_0A00_0002, 21), (0, 0xFFFF_0A00_0001, 5000)
    for k, port in enumerate((1, 2, 3, 4, 4)):
        told.hear(b"227 x 10,0,0,2,4,%d\r\n" % port, k + 1, server, client, 100 * k)
    assert told.evicted == 1
    ends = [(server[0], server[1], 1024 + port) for port in (1, 2, 3, 4)]
    assert [told.take(client, end) for end in (*ends, ends[3], ends[3])] == [False, True, True, True, True, False]
    assert [told.ports[port] for port in (1025, 1028, 1029)] == [2, 2, 0]

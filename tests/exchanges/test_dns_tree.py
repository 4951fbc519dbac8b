"""`-z dns,tree` counts what Wireshark's tree counts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.exchanges.dns_bytes import ASKED, framed, query, record, response
from tests.exchanges.hear import SECOND, Talk, answer, ask, write

A = record(ASKED, 1, bytes(4))


def tree(path: Path, *more: str) -> dict[str, list[str]]:
    """What is printed, by the name of the line."""
    command = [sys.executable, "-m", "pipeline.cli.main", "read", "-q", "-z", "dns,tree", "-r", str(path), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines())
    return {name: values for name, *values in lines if values}


def test_the_tree(tmp_path: Path) -> None:
    path = tmp_path / "tree.pcap"
    packets = [
        ask(query("a.example")), ask(query("a.example"), 1), answer(response("a.example", A, A), 1.5),
        answer(response("a.example", A), 1.6), answer(response("b.c.d.example", ident=2, flags=0x8183, kind=28), 2),
        ask(query("mdns.local"), 3, srcport=5353, dstport=5353),
    ]  # fmt: skip
    talk = Talk(53, at=4).open().client(framed(query("aa", ident=1), query("x.y.z.example", 65, ident=2)))
    talk.server(framed(response("aa", A, ident=1)))
    path.write_bytes(write(packets + talk.frames))
    found = tree(path)
    assert found["Messages"] == ["8", "100.00%"]
    assert (found["Query"], found["Response"]) == (["4", "50.00%"], ["4", "50.00%"])
    assert (found["NXDOMAIN"], found["AAAA"], found["HTTPS"]) == (["1", "12.50%"], ["1", "12.50%"], ["1", "12.50%"])
    assert (found["Names of 1 label"], found["Names of 2 labels"], found["Names of 4 or more labels"]) == (
        ["1"], ["2"], ["1"])  # fmt: skip
    assert found["answers"] == ["4", "1.00", "0", "2"]
    assert found["Response time (ms)"] == ["2", "750.500", "1.000", "1500.000"]
    assert found["to no query"] == ["1"]
    theirs = subprocess.run(["tshark", "-q", "-z", "dns,tree", "-r", str(path)], capture_output=True, text=True,
                            check=True).stdout  # fmt: skip
    for ours, other in (("Messages", "Total Packets"), ("Payload size (bytes)", "Payload size"),
                        ("Name's length", "Qname Len"), ("to no query", "no. of unsolicited responses")):  # fmt: skip
        (line,) = (line for line in theirs.splitlines() if line.strip().startswith(other))
        assert line.strip().removeprefix(other).split()[: 1 if ours == "Messages" else len(found[ours])] == [
            value for value in found[ours] if "%" not in value
        ]


def test_only_frames_that_match_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "tree.pcap"
    path.write_bytes(write([ask(query("a.example")), answer(response("a.example", A), 0.5)]))
    assert tree(path, "src", "port", "53")["Messages"] == ["1", "100.00%"]
    path.write_bytes(write([(SECOND, b"\0" * 60)]))
    assert tree(path)["Messages"] == ["0"]

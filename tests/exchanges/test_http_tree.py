"""`shoal read -q -z http,tree` counts what tshark counts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.exchanges.hear import Talk, write


def tree(command: list[str], path: Path) -> dict[str, str]:
    """Of each line of the tree the first word behind its name."""
    done = subprocess.run([*command, "-q", "-z", "http,tree", "-r", str(path)], capture_output=True, text=True,
                          check=True)  # fmt: skip
    lines = (re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines())
    return {parts[0]: parts[1] for parts in lines if len(parts) > 1 and parts[1].isdigit()}


def test_the_tree_is_tsharks(tmp_path: Path) -> None:
    path = tmp_path / "tree.pcap"
    talk = Talk(80).open()
    for method, reply in ((b"GET", b"200 OK"), (b"GET", b"404 None"), (b"POST", b"302 Found"), (b"HEAD", b"204 No")):
        talk.client(method + b" / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        talk.server(b"HTTP/1.1 " + reply + b"\r\nContent-Length: 0\r\n\r\n")
    talk.client(b"what is this\r\n").close()
    path.write_bytes(write(talk.frames))
    ours = tree([sys.executable, "-m", "pipeline.cli.main", "read"], path)
    theirs = tree(["tshark", "-n"], path)
    assert ours == theirs
    assert ours["Total HTTP Packets"] == "9"
    assert ours["404 Not Found"] == "1"

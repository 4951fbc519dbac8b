"""Every field that tshark knows too, on a frame of each kind, held against tshark's own text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.schema import PACKETS
from pipeline.schema.shown import shown
from tests.render.zoo import write

ROOT = Path(__file__).resolve().parents[2]
SHOAL = [sys.executable, "-c", "from pipeline.cli.main import main; main()"]

OURS = {"sensor", "capture", "frame.raw"}
# tshark names layers above TCP and UDP too, and an interface only where the file has some (pcapng).
OTHERWISE = {"frame.protocols", "frame.interface_id"}
# Numbered or made relative by the engine, whose tests hold them against tshark.
STATE = {"tcp.stream", "udp.stream", "tcp.options.sack_le", "tcp.options.sack_re", "arp.duplicate-address-detected"}
# Fields of link types and options that no frame of the zoo has.
NOT_IN_ZOO = {"sll.pkttype", "sll.hatype", "sll.src.eth", "sll.etype", "ipv6.routing.type", "icmpv6.mtu",
              "tcp.options.mptcp.subtype"}
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
    assert {n for n in FIELDS if not any(expected[n])} == NOT_IN_ZOO


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_settings(zoo: Path, settings: list[str]) -> None:
    names = ["frame.number", "ip.src", "ip.ttl", "vlan.id", "tcp.port", "eth.addr", "tcp.options.sack_perm", "ip.id"]
    assert shoal_read(zoo, names, settings) == tshark(zoo, names, settings)

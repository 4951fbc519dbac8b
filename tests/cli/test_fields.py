"""`shoal fields`."""

from __future__ import annotations

import json

import pytest

from pipeline.cli.main import run
from pipeline.schema.packets import PACKETS


def _lines(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    capsys.readouterr()
    assert run(["fields", *args]) == 0
    return capsys.readouterr().out.splitlines()


def test_all_fields(capsys: pytest.CaptureFixture[str]) -> None:
    names = [line.split()[0] for line in _lines(capsys)]
    assert set(PACKETS.by_name) < set(names)
    assert "shoal.file.name" in names
    assert "frame.time_relative" in names


def test_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = _lines(capsys, "ip.ttl*")
    assert line.split(maxsplit=3) == ["ip.ttl", "packets", "UInt8", "Time to live [hops]"]


def test_patterns(capsys: pytest.CaptureFixture[str]) -> None:
    assert {line.split()[0] for line in _lines(capsys, "tcp.options.timestamp.*")} == {
        "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr",
    }
    assert "arp.opcode" in {line.split()[0] for line in _lines(capsys, "REQUEST, 2")}
    assert run(["fields", "no such thing"]) == 1
    said = "shoal: no field's name or meaning contains 'no such thing'; shoal fields lists all\n"
    assert capsys.readouterr().err == said


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    (field,) = map(json.loads, _lines(capsys, "--json", "ip.ttl*"))
    assert field == {
        "table": "packets", "field": "ip.ttl", "type": "UInt8", "unit": "hops", "meaning": "Time to live",
        "where": "both",
    }

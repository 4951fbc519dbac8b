"""Scenarios of kernel TCP: what Shoal says of their captures is what tshark says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.netlab import made
from tests.netlab.lab import LabError
from tests.netlab.scenarios import SCENARIOS, captures_of, main, play

PLACES = [(name, where) for name, scenario in SCENARIOS.items() for where in scenario.at]
ENDINGS = tomllib.loads((made.FOLDER / "endings.toml").read_text())
# Linux probes a closed window with segments that look as keep-alives.
NOT_OF_LINUX = {"zero_window_probe", "zero_window_probe_ack"}


def capture(name: str, where: str) -> Path:
    """A capture as it is kept."""
    return captures_of(name)[SCENARIOS[name].at.index(where)]


def differences(path: Path) -> list[tuple[str, str, str, str]]:
    """Frame, field, what tshark says and what Shoal says, where that is not the same."""
    ours, theirs = made.by_shoal(path), made.by_tshark(path)
    assert [cells[0] for cells in ours] == [cells[0] for cells in theirs]
    return [
        (mine[0], field, their, my)
        for mine, other in zip(ours, theirs, strict=True)
        for field, my, their in zip(made.FIELDS, mine, other, strict=True)
        if my != their
    ]


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_marks_are_those_recorded(name: str, where: str) -> None:
    assert made.marks(made.by_shoal(capture(name, where))) == made.recorded()[name][where]


@pytest.mark.parametrize(("name", "where"), PLACES)
def test_every_field_is_that_of_tshark(name: str, where: str) -> None:
    assert differences(capture(name, where)) == []


@pytest.mark.parametrize("name", ["everything", "reused-ports", "stalled-client"])
def test_a_new_making_is_read_as_tshark_reads_it(name: str, tmp_path: Path) -> None:
    try:
        truth = play(name, tmp_path, seed=7)
    except LabError as error:
        # An ordinary user can't make namespaces; then the error must say what the lab needs.
        assert "root" in str(error)  # noqa: PT017
        return
    assert truth["client_kernel"]["sent"] > 0
    for path in captures_of(name, tmp_path):
        assert made.by_shoal(path)
        assert differences(path) == []


def test_the_files_are_of_the_same_scenarios() -> None:
    kept = made.recorded()
    assert list(kept) == list(ENDINGS) == list(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        assert set(scenario.at) == set(kept[name]) - {"truth"} == set(ENDINGS[name]) - {"tells", "notes"}
        for where in scenario.at:
            assert len(ENDINGS[name][where]) == len(kept[name][where]), (name, where)
    paths = {path for name in SCENARIOS for path in captures_of(name)}
    assert paths == set(made.FOLDER.glob("*.gz"))
    assert max(path.stat().st_size for path in paths) < 40_000
    assert sum(path.stat().st_size for path in paths) < 700_000


def test_every_mark_occurs() -> None:
    kept = made.recorded()
    marked = {mark for name, where in PLACES for stream in kept[name][where].values() for mark in stream}
    assert marked - {"segments"} == set(made.MARKS) - NOT_OF_LINUX


def test_what_was_lost_was_sent_again() -> None:
    for name, scenario in SCENARIOS.items():
        if any(ending["state"] == "gone" for where in scenario.at for ending in ENDINGS[name][where]):
            continue
        truth = made.recorded()[name]["truth"]
        lost = sum(way.get("lost", 0) for way in truth.values())
        resent = sum(way.get("resent", 0) for way in truth.values())
        assert resent >= lost, name


def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["los-upload"]) == 2
    assert "no scenario 'los-upload'" in capsys.readouterr().err


def test_the_page_on_flows_has_the_endings_and_names_scenarios() -> None:
    page = (made.FOLDER.parents[1] / "docs" / "flows.md").read_text()
    for text in {ending["ending"] for name, where in PLACES for ending in ENDINGS[name][where]}:
        mirrored = re.sub("client|server", lambda side: "client" if side[0] == "server" else "server", text)
        assert f"| {text} |" in page or f"| {mirrored} |" in page or text.startswith("refused: ICMP"), text
    limits = page.partition("## What a capture can't tell\n")[2].partition("\n## ")[0]
    assert set(re.findall("`([a-z-]+)`", limits)) <= set(SCENARIOS)

"""What only who sees all frames can tell: floods of hardware addresses, and jumps of the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine import clock, senders
from tests.anomalies.make import wire_link as make
from tests.anomalies.make.wire_frames import EPOCH, SECOND
from tests.anomalies.wire_run import read, seen_in
from tests.sources.makecap import Section, pcap

FLOOD = senders.FLOOD


def test_a_flood_of_made_up_senders_is_told(tmp_path: Path) -> None:
    """From the first one over the limit on, with each doubling; their counts are of what came since the one before."""
    seen = seen_in(make.made_up(3 * FLOOD), tmp_path).sightings
    assert [(sighting.name, sighting.frame, sighting.count) for sighting in seen] == [
        ("mac-flooding", FLOOD + 1, 1),
        *(("mac-flooding", FLOOD + 2**k, 2 ** (k - 1)) for k in range(1, (2 * FLOOD).bit_length())),
    ]
    assert {(sighting.entity, sighting.filter) for sighting in seen} == {("", "eth")}


def test_no_flood_is_told(tmp_path: Path) -> None:
    """As many as the limit; more, in many spans; a large network whose hosts talk."""
    batches = (20, 1000)
    assert seen_in(make.made_up(FLOOD), tmp_path, batches).sightings == []
    assert seen_in(make.made_up(FLOOD + 200, step=25_000_000), tmp_path, batches).sightings == []
    assert seen_in(make.large_network(FLOOD + 200), tmp_path, batches).sightings == []


def test_more_senders_than_are_remembered(tmp_path: Path) -> None:
    """All are forgotten then; the event tells how many."""
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap(make.made_up(senders.MOST_SENDERS + 2, step=40_000_000)))
    for batch_rows in (1000, 65_536):
        events = read(path, batch_rows).events
        assert events == [("senders-forgotten", senders.MOST_SENDERS + 1, senders.MOST_SENDERS)]


OFTEN = [k * 0.1 for k in range(clock.FRAMES)]


@pytest.mark.parametrize(("times", "frames"), [
    # Back by more than a second; and again, three times: with each doubling.
    ([5, 6, 4.9, 5], [(3, 1)]),
    ([9, 7, 5, 3, 1], [(2, 1), (3, 1), (5, 2)]),
    # Ahead by more than an hour, where frames came often.
    ([*OFTEN, 3700], [(clock.FRAMES + 1, 1)]),
])  # fmt: skip
def test_a_jump_of_the_clock_is_told(tmp_path: Path, times: list[float], frames: list[tuple[int, int]]) -> None:
    seen = seen_in(make.at_times(*times), tmp_path).sightings
    assert [(sighting.name, sighting.frame, sighting.count) for sighting in seen] == [
        ("clock-jump", *frame) for frame in frames
    ]
    assert seen[0].filter == f"frame.number == {seen[0].frame}"


@pytest.mark.parametrize("times", [
    [5, 5.5, 4.6, 6],  # The queues of a card, read by turns.
    [*OFTEN, 3500],  # Less than an hour.
    [1, 4000, 8000, 12_000],  # A quiet link.
    [*OFTEN[1:], 3700],
])  # fmt: skip
def test_no_jump_is_told(tmp_path: Path, times: list[float]) -> None:
    assert seen_in(make.at_times(*times), tmp_path).sightings == []


def test_each_interface_has_its_clock(tmp_path: Path) -> None:
    """Two interfaces whose clocks differ by ten seconds, merged into one file; then that of one of them jumps."""
    section = Section()
    frame = make.at_times(0)[0][1]
    blocks = section.header() + section.interface(tsresol=9) * 2
    for k in range(20):
        blocks += section.packet(frame, EPOCH + k * SECOND + 10 * SECOND * (k % 2), interface=k % 2)
    path = tmp_path / "two.pcapng"
    path.write_bytes(blocks)
    for batch_rows in (1, 7, 1000):
        assert read(path, batch_rows).sightings == []
    path.write_bytes(blocks + section.packet(frame, EPOCH + 15 * SECOND, interface=1))
    for batch_rows in (1, 7, 1000):
        assert [(sighting.name, sighting.frame) for sighting in read(path, batch_rows).sightings] == [
            ("clock-jump", 21)
        ]

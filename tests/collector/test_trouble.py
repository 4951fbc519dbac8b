"""`shoal collector` under trouble: what is lost is counted exactly, and nothing else is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.broker import Broker
from tests.collector import trouble
from tests.collector.cable import Cable


@pytest.fixture
def disk(place: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    mounted = place / "disk"
    mounted.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=32m,mode=755", "shoal-test", mounted), check=True)
    yield mounted
    subprocess.run(("umount", "-l", mounted), check=True)


def test_while_kafka_is_away_nothing_is_lost(line: Cable, shaky_broker: Broker, place: Path) -> None:
    run = trouble.while_kafka_is_away(line, shaky_broker, place, seconds=3, pps=10_000)
    assert run.dropped == 0


def test_a_spool_that_is_full_loses_what_it_counts(line: Cable, shaky_broker: Broker, place: Path) -> None:
    run = trouble.spool_overflows(line, shaky_broker, place, mib=4)
    # Each time once: when it was full, and when it had been emptied.
    full = [line for line in run.said.splitlines() if line.startswith("shoal: the spool in ")]
    assert len(full) % 2 == 0
    assert all("its limit of 4 MiB is reached" in line for line in full[::2])
    assert all("takes messages again" in line for line in full[1::2])


def test_a_full_disk_ends_nothing(line: Cable, shaky_broker: Broker, disk: Path, place: Path) -> None:
    trouble.disk_is_full(line, shaky_broker, disk, place)

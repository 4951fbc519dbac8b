"""Causes of segments that the kernel's TCP sent over a link that knows what it did: `make truth` in brief."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.tcp.words import NEAR_RECEIVER, NEAR_SENDER
from tests.netlab.lab import LabError
from tests.truth.link import parsed
from tests.truth.measure import Compared, compare, tell
from tests.truth.report import MODES, page
from tests.truth.scenarios import NO_TIMESTAMPS, SCENARIOS, Outcome, play


def played(name: str, seed: int, folder: Path, settings: tuple[tuple[str, str], ...] = ()) -> Outcome | None:
    """The outcome; None where the lab can't be built."""
    try:
        return play(SCENARIOS[name], seed, folder, settings)
    except LabError as error:
        # An ordinary user can't make namespaces; then the error must say what the lab needs.
        assert "root" in str(error)  # noqa: PT017
        return None


@pytest.mark.parametrize("name", ["loss 5 %", "reordering", "duplicates", "everything", "offload, loss"])
def test_counts_are_those_of_kernel_and_link(name: str, tmp_path: Path) -> None:
    outcome = played(name, 41, tmp_path)
    if outcome is None:
        return
    there, _ = compare(outcome)
    # With offload a busy machine sends fewer and longer ones.
    assert there.judged > 60
    assert there.told_resent == there.resent
    assert there.told_duplicated == there.duplicated
    assert abs(there.told_late - there.late) <= max(1, 0.1 * there.late)
    assert there.right >= 0.97 * there.judged
    client, server = tell(outcome.client)[0], tell(outcome.server)[0]
    assert (client.position, server.position) == (NEAR_SENDER, NEAR_RECEIVER)


def test_link_and_kernel_agree_that_there_was_something_to_tell(tmp_path: Path) -> None:
    outcome = played("everything", 42, tmp_path)
    if outcome is None:
        return
    there, _ = compare(outcome)
    assert min(there.resent, there.late, there.duplicated, there.dropped) > 0


@pytest.mark.parametrize("settings", [(), NO_TIMESTAMPS], ids=["timestamps", "no timestamps"])
def test_at_the_sender_neither_ip_ids_nor_timestamps_are_needed(
    settings: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    outcome = played("loss both ways", 43, tmp_path, settings)
    if outcome is None:
        return
    there, _ = compare(outcome, zero_ids=True)
    assert there.told_resent == there.resent > 0


def test_keep_alives_and_probes_are_not_sent_again(tmp_path: Path) -> None:
    outcome = played("stalled reader", 44, tmp_path)
    if outcome is None:
        return
    there, _ = compare(outcome)
    assert there.told_resent == there.resent
    assert there.right == there.judged


def _frame(seq: int, length: int, flags: int = 16) -> bytes:
    head = bytes(12) + b"\x08\x00" + bytes([0x45, 0]) + (40 + length).to_bytes(2, "big") + bytes(5) + b"\6" + bytes(10)
    return head + b"\x13\x89\0\x50" + seq.to_bytes(4, "big") + bytes(4) + bytes([0x50, flags]) + bytes(6 + length)


def test_the_link_reads_segments() -> None:
    assert parsed(bytes(60), offload=False) is None
    one = parsed(_frame(77, 100, 17), offload=False)
    assert one is not None
    assert (one.port, one.seq, one.payload, one.span, one.units) == (5001, 77, 100, 101, 1)
    offloaded = parsed(b"\1\1\0\0" + (1000).to_bytes(2, "little") + bytes(4) + _frame(77, 2500), offload=True)
    assert offloaded is not None
    assert (offloaded.payload, offloaded.units) == (2500, 3)


def test_a_page_has_a_table_for_each_mode() -> None:
    one = Compared(5, 5, 1, 10, 9, 20, 3, 2, 6, 6, 99, 100)
    text = page([(mode, "a scenario", seed, one) for mode, _, _ in MODES for seed in (1, 2)], [1, 2])
    assert text.count("| a scenario | 10, 10, 2 | 20, 18, 40 | 6, 4 | 12, 12 | 198 of 200 |") == len(MODES)
    told = "2 of 2 (100.0 %) | 0 of 10 (8) | 2 of 2 (100.0 %) | 2 of 20 (20) | 0 of 2 (0.0 %) | 2 of 6 |"
    assert text.count(told) == len(MODES)

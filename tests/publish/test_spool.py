"""The spool alone: order, what a crash leaves, damage, its limit, a full disk; the accounts balance at each step."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.publish import record as records
from collectors.publish.accounts import Accounts, Reason
from collectors.publish.message import Outgoing
from collectors.publish.spool import DiskFull, Record, Spool, SpoolError

ROOT = Path(__file__).resolve().parents[2]


def message(number: int, size: int = 1000, capture: str = "one") -> Outgoing:
    """Number `number`, with as many frames: a sum of frames tells which messages it is of."""
    value = number.to_bytes(4, "big") + random.Random(number).randbytes(size)
    return Outgoing("packets", number % 3, value, [("head", b"\x00\xff"), ("n", b"%d" % number)], number, capture)


class Stored:
    """A spool with its accounts and what it logged."""

    def __init__(self, directory: Path, limit: int = 1 << 24) -> None:
        self.accounts = Accounts()
        self.said: list[str] = []
        self.spool = Spool(directory, limit, self.accounts, self.said.append).open()

    def append(self, *messages: Outgoing) -> list[Record]:
        """Puts messages and stores them."""
        stored = []
        for each in messages:
            self.accounts.put(each.capture, each.frames, each.size)
            stored.append(self.spool.append(each))
            assert self.accounts.totals().balanced
        return stored

    def publish(self) -> list[Outgoing]:
        """Takes and acks everything that waits."""
        got = []
        while (taken := self.spool.take()) is not None:
            record, each = taken
            assert record.size == each.size
            self.accounts.published(each.capture, each.frames, each.size, record.place)
            self.spool.acked(record)
            got.append(each)
        assert self.accounts.totals().balanced
        return got


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.spool"))


def test_messages_come_back_whole_and_in_order_and_leave_no_file(directory: Path) -> None:
    stored = Stored(directory)
    sent = [message(n, size=random.Random(n).randrange(0, 5000)) for n in range(500)]
    stored.append(*sent)
    assert stored.spool.size == sum(path.stat().st_size for path in segments(directory))
    assert stored.publish() == sent
    assert stored.spool.empty
    assert stored.spool.size == 0
    assert not segments(directory)
    assert stored.accounts.totals().published == sum(range(500))


def test_what_was_not_acked_is_found_again(directory: Path) -> None:
    first = Stored(directory)
    sent = [message(n) for n in range(100)]
    first.append(*sent)
    for number in range(60):
        taken = first.spool.take()
        assert taken is not None
        if number % 2:
            # Every other one: acks of different partitions come in any order.
            first.spool.acked(taken[0])
    first.spool.close()

    second = Stored(directory)
    left = [each for each in sent if each.frames >= 60 or not each.frames % 2]
    totals = second.accounts.totals()
    assert (totals.recovered, totals.recovered_messages) == (sum(each.frames for each in left), len(left))
    second.append(message(1000))
    assert second.publish() == [*left, message(1000)]
    assert not segments(directory)


def test_a_killed_process_loses_nothing_that_was_stored(directory: Path) -> None:
    program = """
        import os, signal, sys
        from pathlib import Path
        from tests.publish.test_spool import Stored, message
        stored = Stored(Path(sys.argv[1]))
        stored.append(*(message(n) for n in range(50)))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run((sys.executable, "-c", textwrap.dedent(program), directory), check=False, cwd=ROOT)
    assert done.returncode == -9
    assert Stored(directory).publish() == [message(n) for n in range(50)]


def test_a_record_torn_at_any_byte_takes_none_of_the_others_with_it(tmp_path: Path) -> None:
    whole = Stored(tmp_path / "whole")
    whole.append(message(1, 20), message(2, 20), message(3, 40))
    whole.spool.close()
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    last = len(data) - len(b"".join(records.pack(message(3, 40))))
    for cut in range(last, len(data)):
        torn = tmp_path / f"torn{cut}"
        torn.mkdir()
        (torn / path.name).write_bytes(data[:cut])
        stored = Stored(torn)
        assert stored.publish() == [message(1, 20), message(2, 20)]
        totals = stored.accounts.totals()
        # Where its description is whole, it is known how many frames were lost; else how many bytes.
        if totals.dropped:
            assert totals.dropped_by == {("one", Reason.DAMAGED): 3}
        else:
            assert stored.spool.unreadable == cut - last
        assert (cut == last) == (not stored.said)
        assert not segments(torn)
        stored.spool.close()


def test_a_flipped_byte_is_detected_wherever_it_is(tmp_path: Path) -> None:
    whole = Stored(tmp_path / "whole")
    whole.append(message(1, 30), message(2, 30), message(4, 30))
    whole.spool.close()
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    first = len(b"".join(records.pack(message(1, 30))))
    second = len(b"".join(records.pack(message(2, 30))))
    for at in range(first, first + second):
        place = tmp_path / f"flipped{at}"
        place.mkdir()
        (place / path.name).write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:])
        stored = Stored(place)
        got = stored.publish()
        totals = stored.accounts.totals()
        if at - first in range(4, 8):
            # The mark and the bytes beside it are outside of the checksum: at worst a message is thought to be sent.
            assert got in ([message(1, 30), message(4, 30)], [message(1, 30), message(2, 30), message(4, 30)])
        elif totals.dropped:
            assert got == [message(1, 30), message(4, 30)]
            assert totals.dropped_by == {("one", Reason.DAMAGED): 2}
        else:
            assert got == [message(1, 30)]
            assert stored.spool.unreadable == len(data) - first
        assert not segments(place)
        stored.spool.close()


def test_past_its_limit_the_oldest_go_and_are_counted_by_capture(directory: Path) -> None:
    limit = 1 << 20
    stored = Stored(directory, limit)
    sent = [message(n, 10_000, "old" if n < 40 else "new") for n in range(300)]
    for each in sent:
        stored.append(each)
        assert stored.spool.size <= limit
        assert sum(path.stat().st_size for path in segments(directory)) == stored.spool.size
    totals = stored.accounts.totals()
    got = stored.publish()
    assert got == sent[-len(got):]
    # At most a sixteenth of the limit less than would have found room.
    assert len(got) >= (limit - limit // 16) // 10_200
    lost = sent[: -len(got)]
    assert totals.dropped_by == {
        (capture, Reason.SPOOL_FULL): sum(each.frames for each in lost if each.capture == capture)
        for capture in ("old", "new")
    }


def test_what_is_in_memory_as_well_is_not_lost_with_its_segment(directory: Path) -> None:
    stored = Stored(directory, 1 << 20)
    stored.append(message(1, 60_000))
    taken = stored.spool.take()
    assert taken is not None
    stored.append(*(message(n, 60_000) for n in range(2, 40)))
    assert not taken[0].waits
    totals = stored.accounts.totals()
    assert (totals.memory, totals.memory_messages) == (1, 1)
    assert totals.balanced
    stored.spool.acked(taken[0])
    assert stored.publish()[-1] == message(39, 60_000)


def test_a_message_larger_than_the_limit_finds_no_room(directory: Path) -> None:
    stored = Stored(directory, 1 << 20)
    large = message(5, 1 << 20)
    stored.accounts.put(large.capture, large.frames, large.size)
    with pytest.raises(DiskFull, match="does not fit"):
        stored.spool.append(large)
    assert stored.accounts.totals().memory == 5
    assert stored.spool.empty


def test_one_directory_has_one_user(directory: Path) -> None:
    first = Stored(directory)
    with pytest.raises(SpoolError, match="another process's spool"):
        Stored(directory)
    first.spool.close()
    Stored(directory).spool.close()


def test_a_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"can't use .*file.* as spool"):
        Stored(tmp_path / "file" / "spool")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=1m", "shoal-test", mounted), check=True)
    yield mounted
    subprocess.run(("umount", "-l", mounted), check=True)


def test_a_full_disk_is_survived_and_told(small_disk: Path) -> None:
    stored = Stored(small_disk / "spool", 1 << 24)
    other = small_disk / "other"
    other.write_bytes(bytes(600_000))
    sent = [message(n, 20_000) for n in range(1, 101)]
    stored.append(*sent)
    # What fits is the newest; the older ones made room, and are counted.
    totals = stored.accounts.totals()
    assert totals.dropped_by.keys() == {("one", Reason.DISK_FULL)}
    assert any("No space left" in line for line in stored.said)

    with pytest.raises(OSError, match="No space left"):
        (small_disk / "rest").write_bytes(bytes(1 << 20))
    # Someone else has taken the rest of the disk: our own segments still make room for the newest.
    stored.append(message(101, 20_000))
    # That is no room again, and is not said once more.
    assert "No space left" in stored.spool.trouble
    assert len(stored.said) == 1

    other.unlink()
    (small_disk / "rest").unlink()
    stored.append(message(102, 20_000))
    got = stored.publish()
    assert got[-2:] == [message(101, 20_000), message(102, 20_000)]
    totals = stored.accounts.totals()
    assert totals.published + totals.dropped == totals.put == sum(range(103))
    assert not segments(small_disk / "spool")
    assert "takes messages again" in stored.said[-1]
    assert len(stored.said) == 2


def test_a_disk_without_any_room_refuses_and_goes_on_later(small_disk: Path) -> None:
    stored = Stored(small_disk / "spool", 1 << 24)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "rest").write_bytes(bytes(1 << 21))
    one = message(1, 20_000)
    stored.accounts.put(one.capture, one.frames, one.size)
    for _ in range(3):
        with pytest.raises(DiskFull):
            stored.spool.append(one)
    assert stored.accounts.totals().memory == 1
    assert len(stored.said) == 1
    assert "No space left" in stored.spool.trouble
    assert not segments(small_disk / "spool")
    os.unlink(small_disk / "rest")
    stored.spool.append(one)
    assert stored.publish() == [one]

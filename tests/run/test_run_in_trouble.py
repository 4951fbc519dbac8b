"""`shoal run` when the database refuses rows: nothing is lost that there is memory for, and what is lost is counted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.running import Port, Running, asked, number, wait_for_rows, wait_until

_LEFT = 256 << 10


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own at `path`; needs root."""
    path.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path), check=True)
    try:
        path.chmod(0o755)
        yield path
    finally:
        subprocess.run(("umount", "-l", path), check=True)


def fill(path: Path) -> None:
    """Leave next to no room on the file system of `path`, which is a file."""
    room = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - _LEFT)


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "96m") as disk, Port() as port:
        # Little memory and a small ring, so that both can be filled.
        options = ("-i", "lo", "-B", "2", "--memory", "16")
        with Running(disk / "db", *options, port.filter) as it:
            port.send(100)
            wait_for_rows(it.db, 100)
            fill(disk / "ballast")
            port.send(1000, 1000)
            said = it.until("takes no rows")
            assert "not enough space" in said
            # 40 MB, of which 16 MiB may wait, and 2 MiB stay in the ring.
            port.send(20_000, 2000)
            told = "SELECT shoal.frames.dropped_kernel FROM fleet"
            (disk / "ballast").unlink()
            it.until("takes rows again")
            port.send(500)
            wait_until(lambda: number(it.db, told) > 0, "dropped packets in a heartbeat")
            counts = it.end()
            assert it.process.returncode == 0, it.said
            assert it.said.count("takes no rows") == 1, it.said
            assert counts["seen"] == port.sent == 21_600
            assert counts["seen"] == counts["stored"] + counts["dropped by kernel"]
            assert counts["dropped by kernel"] > 0
            assert counts["not stored"] == 0
            found = asked(it.db, "SELECT count(), uniqExact(frame.number) FROM packets")
            assert found == [[str(counts["stored"])] * 2]


def test_a_disk_that_stays_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk, Port() as port:
        with Running(disk / "db", "-i", "lo", port.filter) as it:
            port.send(100)
            wait_for_rows(it.db, 100)
            fill(disk / "ballast")
            port.send(200)
            it.until("takes no rows")
            counts = it.end()
            assert it.process.returncode == 1
            assert counts == {"seen": 300, "stored": 100, "dropped by kernel": 0, "not stored": 200}
            last = it.said.splitlines()[-1]
            assert re.match(r"shoal: not all rows could be stored: .*not enough space", last), it.said
        (disk / "ballast").unlink()
        assert number(it.db, "SELECT count() FROM packets") == 100


def test_a_directory_that_is_shut_for_a_while(tmp_path: Path) -> None:
    """chDB says of an insert that it was stored, whatever became of its files."""
    with Port() as port, Running(tmp_path / "db", "-i", "lo", "--user", "nobody", port.filter) as it:
        port.send(10)
        wait_for_rows(it.db, 10)
        (tmp_path / "db" / "store").chmod(0)
        port.send(100)
        it.until("takes no rows")
        (tmp_path / "db" / "store").chmod(0o700)
        it.until("takes rows again")
        counts = it.end()
        assert it.process.returncode == 0, it.said
        assert counts == {"seen": 110, "stored": 110, "dropped by kernel": 0, "not stored": 0}
        assert number(it.db, "SELECT count() FROM packets") == 110


def test_rows_that_are_refused_for_good(tmp_path: Path) -> None:
    with Port() as port, Running(tmp_path / "db", "-i", "lo", "--http", "127.0.0.1:0", "--read-write",
                                 port.filter) as it:  # fmt: skip
        port.send(10)
        wait_for_rows(it.db, 10)
        url = re.search(r"listening on (\S+)", it.said)
        assert url is not None
        from pipeline.store.remote import Remote

        with Remote(url[1]).open() as remote:
            remote.query("ALTER TABLE packets ADD CONSTRAINT none CHECK 0")
        port.send(5)
        # It ends by itself.
        counts = it.end(None)
        assert it.process.returncode == 1
        assert counts == {"seen": 15, "stored": 10, "dropped by kernel": 0, "not stored": 5}
        assert re.match(r"shoal: insert into packets failed: .*VIOLATED_CONSTRAINT", it.said.splitlines()[-1])


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "64m") as disk, Port() as port,
        Running(disk / "db", "-i", "lo", port.filter) as it,
    ):  # fmt: skip
        fill(disk / "ballast")
        port.send(5)
        it.until("takes no rows")
        it.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            it.process.wait(1)
        it.end(signal.SIGINT)
        assert it.process.returncode == -signal.SIGINT

"""How `shoal collector` ends: by one signal in good order, by two at once, by SIGKILL without what was in its spool
being lost."""

from __future__ import annotations

import fcntl
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.broker.broker import Broker, free_ports, unique
from tests.collector.cable import bulk
from tests.collector.running import Running, arrived, balance, counted, wait_until
from tests.collector.target import Target
from tests.collector.trouble import stored


def caught(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^SigCgt:\s([0-9a-f]+)$", status, re.MULTILINE)
    assert found
    return bool(int(found[1], 16) >> (number - 1) & 1)


def gauge(port: int, name: str) -> float:
    """A metric, summed over its labels; -1 while none is told."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as told:
            text = told.read().decode()
    except OSError:
        return -1
    found = re.findall(rf"^shoal_collector_{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found)) if found else -1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_publishes_all(broker: Broker, target: Target, number: int) -> None:
    prefix = unique("flush")
    with Running(broker.address, prefix, "-i", "lo", target.filter) as ran:
        ran.captures()
        target.send(300)
        counts = ran.end(number)
    assert counts["published"] == counts["seen"] == 300
    (found,) = arrived(broker, prefix).values()
    assert found.whole(300)
    assert found.ended == 4


def test_the_second_signal_ends_at_once(target: Target) -> None:
    with Running(f"127.0.0.1:{free_ports()}", unique("second"), "-i", "lo", target.filter) as ran:
        ran.captures()
        wait_until(lambda: caught(ran.process.pid, signal.SIGINT), "the signals' handlers")
        target.send(10)
        ran.send(signal.SIGINT)
        # It waits for Kafka now, which is not there.
        wait_until(lambda: not caught(ran.process.pid, signal.SIGINT), "the first signal to be taken")
        ran.send(signal.SIGINT)
        assert ran.wait() == -signal.SIGINT
        assert counted(ran.said) == {}


def test_sigkill_loses_nothing_of_the_spool(shaky_broker: Broker, target: Target, place: Path) -> None:
    prefix, metrics = unique("killed"), free_ports()
    arguments = ("-i", "lo", "--spool", str(place / "spool"), target.filter)
    shaky_broker.stop()
    with Running(shaky_broker.address, prefix, "--metrics", f"127.0.0.1:{metrics}", *arguments) as ran:
        ran.captures()
        target.send(300)
        wait_until(lambda: gauge(metrics, "frames_spooled") == 300, "300 frames in the spool")
        ran.send(signal.SIGKILL)
        assert ran.wait() == -signal.SIGKILL
    shaky_broker.start()
    with Running(shaky_broker.address, prefix, *arguments) as again:
        again.captures()
        target.send(200)
        counts = again.end()
    assert counts["found in the spool at the start"] == 300
    assert (counts["seen"], counts["published"]) == (200, 500)
    of = arrived(shaky_broker, prefix)
    first, second = (of[capture] for capture in sorted(of))
    assert first.whole(300)
    assert second.whole(200)
    # Who was killed can't tell that its capture is complete.
    assert (first.ended, second.ended) == (0, 4)


def test_a_spool_of_what_is_not_captured_is_told(broker: Broker, target: Target, place: Path) -> None:
    other = place / "spool" / "eth9-0"
    other.mkdir(parents=True)
    (other / f"{1:020d}.spool").write_bytes(b"x")
    (other / "lock").touch()
    arguments = (broker.address, unique("others"), "-i", "lo", "--spool", str(place / "spool"), target.filter)
    with Running(*arguments) as ran:
        ran.captures()
        ran.end()
    assert ran.said.count(f"the spool in {other} holds messages") == 1
    # One that another process has is that one's business.
    with (other / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Running(*arguments) as ran:
            ran.captures()
            ran.end()
    assert "holds messages" not in ran.said


def test_a_file_that_is_read_again_is_sent_once(shaky_broker: Broker, place: Path) -> None:
    prefix, capture = unique("again"), place / "bulk.pcap"
    frames = bulk(capture, 30_000)
    arguments = ("-r", str(capture), "--keep", "full", "--spool", str(place / "spool"))
    shaky_broker.stop()
    with Running(shaky_broker.address, prefix, *arguments) as ran:
        ran.captures()
        wait_until(lambda: stored(place / "spool") > 8 << 20, "messages in the spool")
        ran.send(signal.SIGKILL)
        ran.wait()
    shaky_broker.start()
    with Running(shaky_broker.address, prefix, *arguments) as again:
        assert again.wait() == 0, again.said
        counts = counted(again.said)
    found = counts["found in the spool at the start"]
    assert found > 0
    assert counts["seen"] == frames
    # The message that was being written when it was killed may be torn, which is told; the file has its frames.
    torn = counts["dropped by spool"]
    assert torn < found
    assert again.said.count("is damaged, and dropped") == bool(torn)
    assert counts["published"] == frames + found - torn
    assert balance(counts) == 0
    (of,) = arrived(shaky_broker, prefix).values()
    assert of.whole(frames)
    assert not of.gaps
    assert of.copies
    assert of.ended == 4

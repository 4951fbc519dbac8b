"""Filters that are wanted of a running collector: none of them, however large, holds up what is captured."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from collectors.filters import FilterError
from collectors.filters.apart import compile_apart
from collectors.filters.live import LiveFilter, after_the_kernel, take_all, take_none
from tests.broker.broker import Broker, unique
from tests.collector.running import ROOT, SHOAL, Running, wait_for
from tests.collector.target import Target


def hosts(count: int) -> str:
    """A filter that libpcap takes long for: 400 of these take it seconds, 800 half a minute."""
    return " or ".join(f"host 10.{k >> 8}.{k & 255}.1" for k in range(count))


def test_a_huge_filter_is_refused_and_the_capture_goes_on(broker: Broker, target: Target) -> None:
    prefix = unique("orders")

    def order(expression: str) -> tuple[int, str]:
        command = (*SHOAL, "fleet", "set", "s", "--kafka", broker.address, "--prefix", prefix, "--filter", expression)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stderr

    with Running(broker.address, prefix, "-i", "lo", target.filter) as ran:
        ran.captures()
        wait_for(broker, prefix, shoal__state="running")
        command = (*SHOAL, "fleet", "set", "s", "--kafka", broker.address, "--prefix", prefix, "--filter", hosts(800))
        ordering = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        sent = 0
        while ordering.poll() is None:
            target.send(10)
            sent += 10
            time.sleep(0.02)
        said = ordering.communicate()[1]
        assert ordering.returncode == 1
        assert said.startswith("shoal: s refused: lo: the capture filter takes more than 3 s to compile")
        assert said.count("\n") == 1
        code, said = order(hosts(1000))
        assert (code, said.count("\n")) == (2, 1)
        assert "16,384 are the most" in said
        code, said = order("(" * 8000)
        assert (code, said.count("\n"), len(said) < 500) == (1, 1, True)
        # Those that are none have changed nothing, and others hold still.
        target.send(100)
        code, said = order(f"{target.filter} and ({hosts(100)} or host 127.0.0.1)")
        assert code == 0, said
        target.send(100)
        # More than the kernel takes, so it is run on the frames.
        summed = " + ".join(f"ether[{k % 40}]" for k in range(1000))
        code, said = order(f"{target.filter} and {summed} >= 0")
        assert code == 0, said
        target.send(100)
        counts = ran.end()
    assert counts["seen"] == counts["published"] == sent + 300


def test_an_answer_comes_back_as_it_was() -> None:
    whole, nothing = LiveFilter(take_all(100), take_none()), LiveFilter(take_none(), None)
    for made in (whole, nothing, after_the_kernel("tcp port 80", 1)):
        found = compile_apart(lambda made=made: made)  # type: ignore[misc]
        for was, now in ((made.kernel, found.kernel), (made.after, found.after)):
            assert (was is None) == (now is None)
            if was is not None and now is not None:
                assert [was.k.tolist(), was.code.tolist()] == [now.k.tolist(), now.code.tolist()]
                assert [was.jt.tolist(), was.jf.tolist()] == [now.jt.tolist(), now.jf.tolist()]


def test_what_goes_wrong_stays_apart() -> None:
    def children() -> str:
        return "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))

    def refuses() -> LiveFilter:
        raise FilterError("no such filter")

    def breaks() -> LiveFilter:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def fails() -> LiveFilter:
        raise MemoryError

    def hangs() -> LiveFilter:
        signal.pause()
        raise AssertionError

    before = children()
    for work, said in (
        (refuses, "no such filter"), (breaks, "could not be compiled"), (fails, "could not be compiled"),
        (hangs, "takes more than 0.2 s"),
    ):  # fmt: skip
        with pytest.raises(FilterError, match=said):
            compile_apart(work, 0.2 if work is hangs else 30)
    assert children() == before

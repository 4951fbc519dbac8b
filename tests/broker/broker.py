"""A real Kafka broker for tests, run by `deploy/dev/kafka`, and the fixture `broker` that every folder of tests has.

Topics of tests share one broker, so each test takes names of its own (`unique`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

KAFKA = Path(__file__).resolve().parents[2] / "deploy" / "dev" / "kafka"
_numbers = itertools.count()


def unique(name: str = "test") -> str:
    """A prefix for topics that no other test uses."""
    return f"{name}-{os.getpid()}-{next(_numbers)}"


def answers(port: int) -> bool:
    """Whether something accepts connections at a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int = 1) -> int:
    """The first of `count` ports in a row that nobody listens at.

    They lie below the range from which the kernel takes ports for connections, so that nothing takes one of them while
    the server that uses it is down for a while.
    """
    while True:
        first = random.randrange(15_000, 32_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


class Broker:
    """One broker with its directory and port, which stay the same when it is started again."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory
        self.port = port or free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients are given as `bootstrap_servers`."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process of the running broker."""
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started, and neither stopped nor killed since."""
        return self._process is not None

    @property
    def log(self) -> Path:
        """What the brokers of this directory have printed, one after another."""
        return self.directory.with_name(self.directory.name + ".log")

    def start(self, wait: float = 60) -> None:
        """Starts it, and returns when it takes connections; AssertionError when it has not within `wait` seconds."""
        assert self._process is None, "the broker runs already"
        with self.log.open("ab") as log:
            # `run` puts the broker in the place of the shell, so it is our own child, and is reaped when it dies.
            self._process = subprocess.Popen(
                (KAFKA, "run", "--port", str(self.port), "--directory", self.directory),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        until = time.monotonic() + wait
        while not answers(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"the broker did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self, wait: float = 60) -> None:
        """Ends it as an operator would (SIGTERM), and waits until it has ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(wait)
            self._process = None

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kills it, and starts it again with what it has stored."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Halts it (SIGSTOP): connections stay open, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker of the whole run; tests that stop, kill or halt a broker take `shaky_broker`."""
    running = Broker(tmp_path_factory.mktemp("broker") / "kafka")
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def _shaky_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("shaky-broker") / "kafka")
    yield made
    made.kill()


@pytest.fixture
def shaky_broker(_shaky_broker: Broker) -> Broker:
    """A broker that tests may stop, kill and halt; it runs when a test begins."""
    if _shaky_broker.running:
        _shaky_broker.resume()
    else:
        _shaky_broker.start()
    return _shaky_broker

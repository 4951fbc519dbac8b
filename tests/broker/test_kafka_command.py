"""`deploy/dev/kafka`: starts, stops, keeps what was stored, wipes; one clear line for what is wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.broker.broker import KAFKA, Broker, answers, free_ports, unique


class Command:
    """`deploy/dev/kafka` with a port and a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_ports(2)

    def __call__(self, command: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of it; `environment` is added to ours."""
        return subprocess.run(
            (KAFKA, command, "--port", str(self.port), "--directory", self.directory, *options),
            check=False, capture_output=True, text=True, env=os.environ | environment, timeout=120,
        )


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path / "kafka")
    yield command
    command("stop")


async def make_topic(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def send(address: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    await producer.send_and_wait(topic, value)
    await producer.stop()


async def first_value(address: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    message = await consumer.getone()
    await consumer.stop()
    return message.value


async def test_a_broker_keeps_what_was_stored_until_it_is_wiped(kafka: Command) -> None:
    started = kafka("start")
    assert started.returncode == 0, started.stderr
    address = f"127.0.0.1:{kafka.port}"
    assert address in started.stdout
    assert address in kafka("status").stdout
    assert "runs already" in kafka("start").stdout
    await make_topic(address, "kept")
    await send(address, "kept", b"a value")

    assert kafka("stop").stdout == "stopped\n"
    assert not answers(kafka.port)
    assert kafka("status").returncode == 1
    assert kafka("start").returncode == 0
    assert await first_value(address, "kept") == b"a value"

    assert kafka("wipe").returncode == 0
    assert not kafka.directory.exists()
    assert not answers(kafka.port)
    assert "no broker" in kafka("stop").stdout


def test_wipe_removes_only_what_a_broker_wrote(kafka: Command) -> None:
    kafka.directory.mkdir()
    (kafka.directory / "letter").write_text("mine")
    (kafka.directory / "data").mkdir()
    assert kafka("wipe").returncode == 0
    assert os.listdir(kafka.directory) == ["letter"]


def test_stop_spares_a_process_that_is_no_broker_of_the_directory(kafka: Command) -> None:
    kafka.directory.mkdir()
    with subprocess.Popen(("sleep", "600")) as other:
        (kafka.directory / "pid").write_text(str(other.pid))
        assert "no broker" in kafka("stop").stdout
        assert other.poll() is None
        other.kill()


def test_a_port_that_is_taken_is_named(kafka: Command, broker: Broker) -> None:
    failed = kafka("start", "--port", str(broker.port))
    assert failed.returncode == 1
    assert failed.stderr.splitlines() == [
        f"kafka: port {broker.port} of 127.0.0.1 is taken; name another with --port (it and the next are used)"
    ]


def test_a_jar_that_is_not_the_lock_s_is_named_and_not_run(kafka: Command, broker: Broker, tmp_path: Path) -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoal"
    version = re.search(r"^kafka_version=(.+)$", KAFKA.read_text(), re.MULTILINE)
    assert version
    real = cache / f"kafka-{version[1]}"
    copy = tmp_path / "cache" / "shoal" / real.name
    shutil.copytree(real, copy)
    jar = next(copy.glob("kafka-clients-*.jar"))
    with jar.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    failed = kafka("start", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"kafka: {jar.name} in {copy} is missing or not what ")
    assert not answers(kafka.port)
    jar.unlink()
    assert f"kafka: {jar.name} in" in kafka("fetch", XDG_CACHE_HOME=str(tmp_path / "cache")).stderr


@pytest.mark.parametrize("missing", ["java", "mvn"])
def test_a_missing_program_is_named(kafka: Command, tmp_path: Path, missing: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "dirname", "readlink", "realpath", "sed", "grep", "awk", "cat", "mkdir", "mktemp", "rm",
                 "cut", "java", "mvn"):
        if name != missing:
            (tools / name).symlink_to(str(shutil.which(name)))
    failed = kafka("start", PATH=str(tools), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert failed.returncode == 1
    assert f"kafka: {missing} is missing; install" in failed.stderr
    assert not answers(kafka.port)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no command"),
        (("begin",), "begin is no command"),
        (("start", "--prot", "1"), "--prot is no option"),
        (("start", "--port", "many"), "--port many: a number from 1 to 65534"),
        (("start", "--port", "65535"), "--port 65535: a number from 1 to 65534"),
    ],
)
def test_wrong_usage_is_said(arguments: tuple[str, ...], said: str) -> None:
    failed = subprocess.run((KAFKA, *arguments), check=False, capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[0] == f"kafka: {said}"


async def test_a_broker_that_was_killed_comes_back_with_what_it_stored(shaky_broker: Broker) -> None:
    topic = unique()
    await make_topic(shaky_broker.address, topic)
    await send(shaky_broker.address, topic, b"before")
    shaky_broker.restart()
    assert await first_value(shaky_broker.address, topic) == b"before"

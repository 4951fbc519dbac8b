"""`shoal fleet`: the collectors of a fleet, as they told it, and what is wanted of them."""

from __future__ import annotations

import json
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.errors import CommandError
from pipeline.schema.sensors import RECORD
from pipeline.schema.topics import PREFIX, acks, check_prefix, control, sensors

if TYPE_CHECKING:
    from collectors.control import Change

T = TypeVar("T")
_SILENT = 20
"""Seconds without a heartbeat, of which there is one every five, after which a sensor counts as silent."""
_HEADINGS = ("SENSOR", "INTERFACE", "STATE", "HEARD", "SEEN", "DROPPED", "SNAPLEN", "VERSION", "FILTER")
_RIGHT = {"HEARD", "SEEN", "DROPPED", "SNAPLEN"}
_DROPPED = ("shoal.frames.dropped_kernel", "shoal.frames.dropped_spool")

_kafka = click.option("--kafka", required=True, metavar="HOST:PORT", help="Brokers of the fleet, separated by commas.")


def _prefix(_context: object, _parameter: object, value: str) -> str:
    try:
        return check_prefix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_topics = click.option("--prefix", default=PREFIX, show_default=True, callback=_prefix,
                       help="What the names of the fleet's topics begin with.")


@click.group(short_help="List the collectors of a fleet, and change their settings.")
def fleet() -> None:
    """The collectors of a fleet, as their heartbeats tell, and what is wanted of them."""


@fleet.command("list", short_help="List the collectors that were heard of.")
@_kafka
@_topics
@click.option("--since", default=15.0, show_default=True, metavar="MINUTES", type=click.FloatRange(min=0),
              help="How far to look back for heartbeats.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with everything that was told.")
def list_(kafka: str, prefix: str, since: float, as_json: bool) -> None:
    """List each collector's interfaces with the last that was heard of them.

    HEARD is how long ago, by the broker's clock. STATE is what the collector told (running, paused, ended), or silent
    when it has not been heard of for 20 s.
    """
    heard = _run(kafka, _heard(kafka, prefix, since))
    if not heard:
        topic = sensors(prefix).name
        raise CommandError(f"no collector was heard of in the last {since:g} minutes (topic {topic} at {kafka})")
    for told in heard:
        if told["age"] > _SILENT and told.get("shoal.state") != "ended":
            told["shoal.state"] = "silent"
    if as_json:
        for told in heard:
            click.echo(json.dumps(told))
        return
    rows = [_HEADINGS, *map(_row, heard)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        cells = [cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
                 for cell, width, heading in zip(row, widths, _HEADINGS, strict=True)]
        click.echo("  ".join(cells).rstrip())


@fleet.command("set", short_help="Change the settings of a running collector.")
@click.argument("sensor")
@_kafka
@_topics
@click.option("--filter", "bpf", metavar="BPF", help="Capture filter; empty for all frames.")
@click.option("--snaplen", type=click.IntRange(0, 262_144), metavar="BYTES",
              help="Most bytes of a frame to take; 0: all.")
@click.option("--pause/--resume", "paused", default=None, help="Take no frames, or take them again.")
@click.option("--timeout", default=10.0, show_default=True, type=click.FloatRange(min=0), metavar="SECONDS",
              help="How long to wait for the collector's answer.")
def set_(
    sensor: str, kafka: str, prefix: str, bpf: str | None, snaplen: int | None, paused: bool | None, timeout: float,
) -> None:
    """Change settings of the collector SENSOR, and wait until it says that they hold. They stay wanted: a collector
    that starts later under this name follows them as well.

    \b
    shoal fleet set roof --kafka HOST:PORT --filter 'not port 22' --snaplen 128
    shoal fleet set roof --kafka HOST:PORT --pause
    """
    from collectors.control import MOST_FILTER, Change

    if bpf is not None and (size := len(bpf.encode(errors="replace"))) > MOST_FILTER:
        raise click.UsageError(f"--filter has {size:,} bytes; {MOST_FILTER:,} are the most")
    change = Change(bpf, snaplen, paused)
    if change == Change():
        raise click.UsageError("nothing to change; give --filter, --snaplen, --pause or --resume")
    answer = _run(kafka, _asked(kafka, prefix, sensor, change, timeout))
    if answer is None:
        raise CommandError(
            f"{sensor} has not answered within {timeout:g} s; the settings stay wanted, and it follows them when it is "
            f"there (shoal fleet list shows who is)"
        )
    if answer.get("error") is not None:
        raise CommandError(f"{sensor} refused: {answer['error']}")
    click.echo(f"{sensor}: done")


def _run(kafka: str, work: Coroutine[Any, Any, T]) -> T:
    """Runs what asks Kafka; its errors become one line."""
    import asyncio

    from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

    from collectors.publish.link import quiet

    quiet()
    try:
        return asyncio.run(work)
    except UnknownTopicOrPartitionError as error:
        topic = error.args[0]
        raise CommandError(
            f"no topic {topic} at {kafka}: no collector has connected there; is --prefix right?"
        ) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise CommandError(f"Kafka at {kafka} does not answer: {error}") from error


async def _heard(kafka: str, prefix: str, since: float) -> list[dict[str, Any]]:
    """The last heartbeat of each sensor and interface, with its `age` in seconds."""
    from collectors.control import read_on, tail

    topic = sensors(prefix).name
    async with tail(kafka, topic) as (consumer, partition):
        now = time.time()
        found = (await consumer.offsets_for_times({partition: max(0, int((now - since * 60) * 1000))}))[partition]
        if found is None:
            return []
        consumer.seek(partition, found.offset)
        last: dict[tuple[str, str], dict[str, Any]] = {}
        for message in await read_on(consumer, partition):
            if any(name == RECORD for name, _ in message.headers):
                continue
            try:
                told = json.loads(message.value or b"")
                key = (str(told["sensor"]), str(told.get("frame.interface_name", "")))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                # Anyone may write there; who lists collectors has no use for it.
                continue
            last[key] = told | {"age": max(0.0, round(now - message.timestamp / 1000, 1))}
    return [last[key] for key in sorted(last)]


async def _asked(kafka: str, prefix: str, sensor: str, change: Change, timeout: float) -> dict[str, Any] | None:
    """Publishes what is wanted of a sensor, and returns its answer; None when there is none within `timeout` s."""
    import asyncio
    import contextlib

    from aiokafka import AIOKafkaProducer

    from collectors.control import BadCommand, Change, Command, read_on, tail

    async with tail(kafka, control(prefix).name) as (consumer, partition):
        wanted = Change()
        for message in await read_on(consumer, partition):
            if message.key == sensor.encode() and message.value is not None:
                with contextlib.suppress(BadCommand):
                    wanted = Command.decode(message.value).settings
    command = Command.new(sensor, change.over(wanted))
    async with tail(kafka, acks(prefix).name) as (consumer, partition):
        await consumer.seek_to_end(partition)
        await consumer.position(partition)
        producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", request_timeout_ms=10_000)
        try:
            await producer.start()
            await producer.send_and_wait(control(prefix).name, command.encode(), key=sensor.encode())
        finally:
            await producer.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    message = await consumer.getone()
                    with contextlib.suppress(ValueError, RecursionError):
                        answer = json.loads(message.value or b"")
                        if isinstance(answer, dict) and answer.get("id") == command.id:
                            return answer
    return None


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    def text(key: str) -> str:
        # What a terminal would take as commands is not printed.
        value = "" if told.get(key) is None else str(told[key])
        return "".join(c if c.isprintable() else "?" for c in value) or "-"

    dropped = [told[key] for key in _DROPPED if isinstance(told.get(key), int)]
    return (
        text("sensor"), text("frame.interface_name"), text("shoal.state"), f"{told['age']:.0f} s",
        text("shoal.frames.seen"), str(sum(dropped)) if dropped else "-", text("shoal.snaplen"),
        text("shoal.version"), text("shoal.filter"),
    )

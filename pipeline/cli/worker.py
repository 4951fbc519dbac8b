"""`shoal worker`: record batches from Kafka into ClickHouse."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.detection import detection_of, detection_options
from pipeline.cli.errors import EXIT_USAGE, CommandError


@click.command(short_help="Bring record batches from Kafka into ClickHouse.")
@click.option("--kafka", required=True, metavar="HOST:PORT[,...]", help="The brokers.")
@click.option("--clickhouse", required=True, metavar="URL", help="The database: http://[USER[:PASSWORD]@]HOST[:PORT].",
              envvar="SHOAL_CLICKHOUSE")
@click.option("--prefix", default="shoal", show_default=True, metavar="NAME", help="What the topics' names begin with.")
@click.option("--partitions", default=4, show_default=True, metavar="N", type=click.IntRange(1, 4096),
              help="Partitions (shards) that the packets' topic has, or is made with.")
@click.option("--metrics", metavar="HOST:PORT", help="Where to show metrics to Prometheus.")
@click.option("--state", default="", metavar="DIR", type=click.Path(), help="Where Faust keeps its files. Default: a "
              "directory of its own, removed at the end.")
@click.option("--checkpoint", default=10.0, show_default=True, metavar="SECONDS", type=click.FloatRange(min=0.1),
              help="Least time between two checkpoints of a partition.")
@click.option("--session-timeout", "session", default=10.0, show_default=True, metavar="SECONDS",
              type=click.FloatRange(1, 1800), help="A worker of which the brokers hear nothing for so long loses its "
              "partitions to others. Brokers may allow no less than 6.")
@click.option("--stuck", default=120.0, show_default=True, metavar="SECONDS", type=click.FloatRange(min=5),
              help="End with exit code 75 when messages wait and nothing has moved for so long.")
@click.option("--budget", metavar="SIZE", help="Most bytes of table packets, as 500G; the oldest weeks are dropped. "
              "0 for no budget. Default: that of shoal migrate --size-budget.")
@detection_options
@click.pass_context
def worker(
    ctx: click.Context, /, kafka: str, clickhouse: str, prefix: str, partitions: int, metrics: str | None, state: str,
    checkpoint: float, session: float, stuck: float, budget: str | None, **detection: Any,
) -> None:
    """Take record batches from Kafka through the engine, and store each row once.

    Several workers, on one machine or many, share the partitions among them. What a worker knows is kept in
    ClickHouse, so that another goes on where one ends, however it ended. Ends on SIGINT or SIGTERM, when the groups of
    messages under way are stored; on a second one at once.

    \b
    shoal migrate --clickhouse http://db:8123
    shoal worker --kafka broker:9092 --clickhouse http://db:8123
    """
    for broker in kafka.split(","):
        _address("--kafka", broker, "127.0.0.1:9092")
    from pipeline.schema.retention import read_size
    from pipeline.schema.topics import check_prefix

    try:
        check_prefix(prefix)
    except ValueError as error:
        raise CommandError(f"--prefix {error}", EXIT_USAGE) from error
    try:
        size = None if budget is None else read_size(budget)
    except ValueError as error:
        raise CommandError(f"--budget {error}", EXIT_USAGE) from error
    from collectors.publish.topics import TopicMismatch
    from pipeline.agents.app import Settings
    from pipeline.agents.main import NotReady, run

    try:
        settings = Settings(kafka, clickhouse, prefix, partitions, state, checkpoint, session, stuck, size,
                            detection_of(detection))
        ctx.exit(run(settings, _address("--metrics", metrics, "127.0.0.1:9090") if metrics else None))
    except (NotReady, TopicMismatch) as error:
        raise CommandError(str(error)) from error


def _address(option: str, text: str, example: str) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises CommandError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CommandError(f"{option} {text}: give HOST:PORT, as in {example}", EXIT_USAGE)
    return host.removeprefix("[").removesuffix("]"), int(port)

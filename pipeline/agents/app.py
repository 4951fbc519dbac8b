"""The Faust application of a worker, and what it is set to."""

from __future__ import annotations

from dataclasses import dataclass, field

import faust

from pipeline.agents.bundles import LAYOUT as BUNDLES
from pipeline.agents.transport import Transport
from pipeline.detect import detection
from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from pipeline.schema.topics import Topic

SESSION_SECONDS = 10.0
"""A worker from which the group hears nothing for so long has lost its partitions."""
STUCK_SECONDS = 120.0
"""A worker in which nothing moves for so long, although messages wait and ClickHouse is well, ends."""
_FETCH_BYTES = 16 << 20
_WEEKS = 20 * 86_400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker is told: brokers as `HOST:PORT[,...]`, the database's URL, a directory for Faust's own files, least
    seconds between two checkpoints, and the two limits above."""

    brokers: str
    clickhouse: str
    prefix: str
    partitions: int
    state: str
    checkpoint: float
    session: float = SESSION_SECONDS
    stuck: float = STUCK_SECONDS
    budget: int | None = None
    """Bytes of table packets, 0 for any number; None: what `shoal migrate --size-budget` left."""
    detection: detection.Settings = field(default_factory=detection.Settings)
    """Windows and rules."""

    @property
    def packets(self) -> Topic:
        """The topic of packets."""
        return topics.packets(self.prefix, LAYOUT, self.partitions)

    @property
    def windows(self) -> Topic:
        """The topic of what shards counted by windows."""
        return topics.windows(self.prefix, BUNDLES, self.partitions)

    @property
    def sensors(self) -> Topic:
        """The topic of heartbeats."""
        return topics.sensors(self.prefix)

    @property
    def dead_letters(self) -> Topic:
        """The topic of dead letters."""
        return topics.dead_letters(self.prefix)


def faust_app(settings: Settings) -> faust.App:
    """The application without agents, set so that nothing but the group and the fetching is left to Faust."""
    brokers = ";".join(f"kafka://{broker}" for broker in settings.brokers.split(","))
    app = faust.App(
        f"{settings.prefix}.worker",
        broker=brokers,
        datadir=settings.state,
        web_enabled=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=16,
        # What is not stored when partitions go is read again; there is nothing to wait for.
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        broker_session_timeout=settings.session,
        broker_heartbeat_interval=settings.session / 4,
        broker_request_timeout=40.0,
        # While ClickHouse is away nothing is fetched, for however long; the group is not to be left for that.
        broker_max_poll_interval=_WEEKS,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_max_request_size=2 * _FETCH_BYTES,
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    return app

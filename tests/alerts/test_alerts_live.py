"""A lossy transfer between namespaces, live beside clean ones, and what is said of it meanwhile."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.imported import alerts_of
from tests.alerts.judge import WINDOW, Alert
from tests.alerts.live import (
    LOSSY,
    PORT,
    Net,
    Segment,
    brought_out,
    captured,
    network,
    segments,
    sent_again,
    wait_for_alert,
)
from tests.broker.broker import Broker
from tests.collector.running import Running as Collector
from tests.run.running import Running, asked
from tests.worker.stage import stage

SERVICE = f"{LOSSY}:{PORT}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that those who are no longer root can reach."""
    path = Path(tempfile.mkdtemp(prefix="shoal-alerts-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def is_open(alert: Alert) -> bool:
    """Whether it is the alert that is awaited."""
    return alert.rule == "retransmission-spike" and alert.state == "open"


def told(net: Net, db: Path | str, how: str) -> tuple[Alert, list[Segment]]:
    """Play, and await the alert in the database: as it is when closed, and the segments that its SQL selects."""
    with net.busy(net.clean):
        net.spike()
        alert, seen = wait_for_alert(db, is_open)
        print(f"{how}: open {seen - alert.opened_at:.1f} s after its window's end")
        with net.busy(net.lossy):
            closed, _ = wait_for_alert(db, lambda alert: alert.state == "closed", 120)
    rows = asked(db, f"SELECT `ip.id`, `tcp.seq_raw`, toUnixTimestamp64Nano(`frame.time`) FROM ({closed.sql})")
    assert (alert.kind, alert.entity, alert.past) == ("service", SERVICE, False)
    assert alert.opened_at <= seen
    assert (closed.begins, closed.ends, closed.opened) == (alert.begins, alert.ends, alert.opened)
    assert closed.ends - closed.begins == WINDOW
    assert closed.closed > closed.ends
    return closed, [(int(i), int(seq), f"{int(t) // 10**9}.{int(t) % 10**9:09}") for i, seq, t in rows]


def is_right(alert: Alert, by_sql: list[Segment], resent: int, pcap: Path) -> None:
    """Each segment that came to the mirror a second time had been sent again, and the evidence is these."""
    truth = sorted(sent_again(pcap))
    assert len(truth) == resent
    assert len(truth) > 10
    assert sorted(by_sql) == truth
    assert sorted(segments(pcap, alert.filter)) == truth


def only_alert(db: Path | str) -> Alert:
    """The only one of the database."""
    (alert,) = (alert for of in alerts_of(db).values() for alert in of)
    return alert


def test_a_lossy_transfer_is_told_while_it_is_seen(folder: Path) -> None:
    pcap = folder / "beside.pcap"
    with network() as net:
        interface = brought_out(net.sensor)
        with captured(pcap, interface), Running(folder / "db", "-i", interface, "--sensor", "lab") as it:
            alert, by_sql = told(net, it.db, "shoal run")
            it.end()
            assert it.process.returncode == 0, it.said
        resent = net.resent()
    is_right(alert, by_sql, resent, pcap)
    ended = only_alert(it.db)
    assert (ended.kind, ended.entity, ended.state) == ("service", SERVICE, "closed")


def test_a_fleet_tells_it_too(broker: Broker, folder: Path) -> None:
    pcap = folder / "beside.pcap"
    with network() as net, stage(broker, folder) as fleet:
        interface = brought_out(net.sensor)
        for _ in range(2):
            fleet.worker()
        with captured(pcap, interface), Collector(broker.address, fleet.prefix, "-i", interface) as collector:
            collector.captures()
            alert, by_sql = told(net, fleet.served.url, "a fleet of two workers")
            collector.end()
        resent = net.resent()
        assert [worker.end() for worker in fleet.workers] == [0, 0]
        ended = only_alert(fleet.served.url)
    is_right(alert, by_sql, resent, pcap)
    assert (ended.kind, ended.entity, ended.state) == ("service", SERVICE, "closed")

"""A lossy transfer between namespaces, live beside clean ones, and what `shoal run` says of it meanwhile."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.imported import alerts_of
from tests.alerts.judge import WINDOW, Alert
from tests.alerts.live import CLEAN, LOSSY, PORT, captured, network, segments, sent_again, wait_for_alert
from tests.run.running import Running, asked

SERVICE = f"{LOSSY}:{PORT}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that `shoal run` reaches once it is no longer root."""
    path = Path(tempfile.mkdtemp(prefix="shoal-alerts-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def is_open(alert: Alert) -> bool:
    """Whether it is the alert that is awaited."""
    return alert.rule == "retransmission-spike" and alert.state == "open"


def test_a_lossy_transfer_is_told_while_it_is_seen(folder: Path) -> None:
    pcap = folder / "beside.pcap"
    with network() as net, captured(net.sensor, pcap):
        with Running(folder / "db", "-i", "eth0", "--sensor", "lab", inside=net.sensor.command) as it:
            with net.busy(net.clean):
                net.spike()
                alert, seen = wait_for_alert(it.db, is_open)
                print(f"open {seen - alert.opened_at:.1f} s after its window's end")
                with net.busy(net.lossy):
                    closed, _ = wait_for_alert(it.db, lambda alert: alert.state == "closed", 120)
            select = f"SELECT `ip.id`, `tcp.seq_raw`, toUnixTimestamp64Nano(`frame.time`) FROM ({closed.sql})"
            by_sql = asked(it.db, select)
            it.end()
            assert it.process.returncode == 0, it.said
        (ended,) = (alert for of in alerts_of(it.db).values() for alert in of)
        resent = net.resent()
    assert (alert.kind, alert.entity, alert.past) == ("service", SERVICE, False)
    assert (ended.kind, ended.entity, ended.state) == ("service", SERVICE, "closed")
    assert alert.opened_at <= seen
    assert (closed.begins, closed.ends, closed.opened) == (alert.begins, alert.ends, alert.opened)
    assert closed.ends - closed.begins == WINDOW
    assert closed.closed > closed.ends
    # Each segment that came to the mirror a second time had been sent again, and only then.
    truth = sent_again(pcap)
    assert len(truth) == resent
    assert len(truth) > 10
    assert sorted((int(i), int(seq), f"{int(t) // 10**9}.{int(t) % 10**9:09}") for i, seq, t in by_sql) == sorted(truth)
    assert sorted(segments(pcap, closed.filter)) == sorted(truth)
    assert CLEAN not in str(closed.members)

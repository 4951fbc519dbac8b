"""Scans, floods and services that fail, from their segments on."""

from __future__ import annotations

from operator import itemgetter

import pytest

from tests.anomalies.make.said_attempts import (
    HALF_OPEN,
    REFUSED,
    RESET,
    UNANSWERED,
    Attempt,
    clients,
    flood,
    frames_of_attempts,
    scan_of_hosts,
    scan_of_ports,
)
from tests.anomalies.make.said_whole import events_through_windows

Told = tuple[str, str, int]


def _told(attempts: list[Attempt]) -> list[Told]:
    """Name, entity and count of each event; the same in batches of any size. That a host has closed ports is told once,
    and apart."""
    frames = frames_of_attempts(attempts)
    whole = events_through_windows(frames)
    # What flows show comes when their rows do; other events are told in one order.
    parts = events_through_windows(frames, batch_rows=997, restore=True)
    key = itemgetter("shoal.event.frame", "shoal.event.name", "shoal.event.entity")
    assert sorted(parts, key=key) == sorted(whole, key=key)
    refused = {one.server for one in attempts if one.outcome == REFUSED}
    closed = {r["shoal.event.entity"]: r for r in whole if r["shoal.event.name"] == "port-closed"}
    assert closed.keys() == refused
    return [(r["shoal.event.name"], r["shoal.event.entity"], r["shoal.event.count"]) for r in whole
            if r["shoal.event.name"] != "port-closed"]  # fmt: skip


@pytest.mark.parametrize(("attempts", "event"), [
    pytest.param(scan_of_ports(), ("port-scan", "10.0.0.66", 98), id="ports"),
    pytest.param(scan_of_ports(outcome=UNANSWERED), ("port-scan", "10.0.0.66", 98), id="ports that do not answer"),
    pytest.param(scan_of_ports(50, 300.0, opened=0), ("port-scan", "10.0.0.66", 50), id="slow"),
    pytest.param(scan_of_ports(client="fd00::66", server="fd00::2"), ("port-scan", "fd00::66", 98), id="ports of IPv6"),
    pytest.param(scan_of_hosts(), ("host-scan", "10.0.0.66", 95), id="hosts"),
    pytest.param(flood(), ("syn-flood", "10.0.0.2:80", 1000), id="flood"),
    pytest.param(flood(outcome=UNANSWERED), ("syn-flood", "10.0.0.2:80", 1000), id="flood without an answer"),
    pytest.param(clients(40, 30, REFUSED), ("server-failing", "10.0.0.2:443", 40), id="refused"),
    pytest.param(clients(40, 30, UNANSWERED), ("server-failing", "10.0.0.2:443", 40), id="not answered"),
    pytest.param(clients(40, 30, RESET), ("server-failing", "10.0.0.2:443", 40), id="reset"),
])  # fmt: skip
def test_trouble_is_one_event(attempts: list[Attempt], event: Told) -> None:
    assert _told(attempts) == [event]


@pytest.mark.parametrize("attempts", [
    pytest.param(clients(1000, 60) + clients(50, 60, REFUSED, srcport=40_000) + clients(50, 60, RESET, srcport=41_000),
                 id="busy, a few refused"),
    pytest.param(clients(500, 20, hosts=1), id="clients behind one address"),
    pytest.param(clients(30, 1, hosts=1), id="a browser"),
    pytest.param(scan_of_hosts(50, answer=50), id="a monitor of hosts that answer"),
    pytest.param(scan_of_ports(100, opened=100), id="passive FTP: many ports, all open"),
    pytest.param(flood(300, outcome=HALF_OPEN), id="too few for a flood"),
])  # fmt: skip
def test_usual_traffic_is_none(attempts: list[Attempt]) -> None:
    assert _told(attempts) == []

"""Scans, floods and services that fail, and the busy networks that are none of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from pipeline.detect.anomalies import Anomalies, Going, failing, scans
from pipeline.engine.snapshot import pack, unpack
from pipeline.engine.windows.bundle import Closed, WindowTick
from pipeline.schema.columns import Columns
from pipeline.schema.windows import WINDOWS
from tests.anomalies.make.said_attempts import (
    ANSWERED,
    REFUSED,
    RESET,
    UNANSWERED,
    Attempt,
    clients,
    flood,
    parts_of_attempts,
    scan_of_hosts,
    scan_of_ports,
)
from tests.engine.flow_rows import Row, rows_of
from tests.exchanges.hear import BEGIN, SECOND


def _told(attempts: Iterable[Attempt], *, bulk: bool = False, restore: bool = False) -> tuple[list[Row], list[Going]]:
    """The newest rows of events, and what goes on; in one `Closed` for each tick, or in one for all."""
    attempts = list(attempts)
    numbers = range(1, int(max(one.at for one in attempts) // 10) + 3)
    ticks: list[WindowTick] = [(n, 100 * n, BEGIN + n * 10 * SECOND, 0) for n in numbers]
    anomalies, empty = Anomalies(), Columns(WINDOWS, 0)
    rows: dict[tuple[int, str, str], Row] = {}
    going: list[Going] = []
    for some in [ticks] if bulk else [[tick] for tick in ticks]:
        of = {tick[0] for tick in some}
        parts = parts_of_attempts(one for one in attempts if int(one.at // 10) + 1 in of)
        going += anomalies.take(Closed(tuple(some), empty, np.zeros(0, np.uint32), parts,
                                       ends=some[-1] is ticks[-1]))  # fmt: skip
        if restore:
            state = unpack(pack(anomalies.state()))
            anomalies = Anomalies()
            anomalies.restore(state)
        told = anomalies.rows()
        for row in rows_of(told, told.record) if told is not None else ():
            rows[row["shoal.event.frame"], row["shoal.event.name"], row["shoal.event.entity"]] = row
    return list(rows.values()), going


def told(attempts: Iterable[Attempt]) -> list[tuple[str, str, int]]:
    """Name, entity and count of each event; the same tick by tick, at once, and with snapshots in between."""
    attempts = list(attempts)
    one = _told(attempts)
    assert one == _told(attempts, bulk=True) == _told(attempts, restore=True)
    # The order in which shards tell their parts is nothing.
    assert one == _told(attempts[::-1])
    return [(r["shoal.event.name"], r["shoal.event.entity"], r["shoal.event.count"]) for r in one[0]]


def test_many_ports_of_one_host_are_a_scan() -> None:
    (row,), (going,) = _told(scan_of_ports())
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("port-scan", "10.0.0.66")
    assert (row["shoal.event.count"], row["shoal.event.time"]) == (98, BEGIN)
    assert row["shoal.event.said"] == "10.0.0.66 tried 98 ports of 10.0.0.2 within 300 s, and hardly any answered"
    assert row["shoal.event.filter"] == "ip.addr == 10.0.0.66 && ip.addr == 10.0.0.2 && tcp.flags.syn == 1"
    assert (going.name, going.severity, going.begins) == ("port-scan", "warning", True)
    assert told(scan_of_ports()) == [("port-scan", "10.0.0.66", 98)]


@pytest.mark.parametrize("outcome", [REFUSED, UNANSWERED])
def test_a_slow_scan_is_one_too(outcome: str) -> None:
    """A port each six seconds."""
    ((name, entity, _),) = told(scan_of_ports(50, 300.0, outcome=outcome))
    assert (name, entity) == ("port-scan", "10.0.0.66")


def test_a_scan_of_all_ports_is_one_event_with_all_of_them() -> None:
    """And neither one failing server nor one closed port for each."""
    assert told(scan_of_ports(5000, 100.0, opened=0)) == [("port-scan", "10.0.0.66", 5000)]


def test_one_port_of_many_hosts_is_a_scan() -> None:
    (row,), _ = _told(scan_of_hosts())
    assert (row["shoal.event.name"], row["shoal.event.count"]) == ("host-scan", 95)
    assert row["shoal.event.said"] == "10.0.0.66 tried port 22 of 95 hosts within 300 s, and hardly any answered"
    assert row["shoal.event.filter"] == "ip.src == 10.0.0.66 && tcp.dstport == 22 && tcp.flags.syn == 1"
    assert told(scan_of_hosts()) == [("host-scan", "10.0.0.66", 95)]


def test_many_ports_of_many_hosts_are_one_scan() -> None:
    attempts = [
        Attempt(0.001 * (100 * host + port), "10.0.0.66", f"10.0.1.{host}", port, REFUSED, 40_000 + port)
        for host in range(1, 51) for port in range(1, 31)
    ]  # fmt: skip
    assert told(attempts) == [("host-scan", "10.0.0.66", 50)]


def test_half_open_connections_are_a_flood_of_the_service() -> None:
    (row,), _ = _told(flood())
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("syn-flood", "10.0.0.2:80")
    assert row["shoal.event.count"] == 1000
    assert row["shoal.event.said"].startswith(
        "10.0.0.2:80 got 1000 connection attempts in 10 s, of which 1000 were not completed; they came from 1000"
    )
    assert row["shoal.event.filter"] == (
        "ip.dst == 10.0.0.2 && tcp.dstport == 80 && tcp.flags.syn == 1 && tcp.flags.ack == 0"
    )


def test_a_flood_that_the_server_does_not_answer_is_no_failing_server() -> None:
    assert told(flood(outcome=UNANSWERED)) == [("syn-flood", "10.0.0.2:80", 1000)]


def test_a_flood_among_clients_that_are_served_is_one() -> None:
    assert told(flood(4000) + clients(500, 8, port=80)) == [("syn-flood", "10.0.0.2:80", 4000)]


def test_a_service_that_refuses_fails() -> None:
    (row,), _ = _told(clients(40, 30, REFUSED))
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("server-failing", "10.0.0.2:443")
    assert row["shoal.event.count"] == 40
    assert row["shoal.event.said"].startswith("10.0.0.2:443 was tried 14 times within 60 s: 14 refused, 0 not answered")
    assert row["shoal.event.filter"] == "ip.addr == 10.0.0.2 && tcp.port == 443"


@pytest.mark.parametrize("outcome", [UNANSWERED, RESET])
def test_one_that_does_not_answer_or_resets_what_it_is_asked_fails_too(outcome: str) -> None:
    assert told(clients(40, 30, outcome)) == [("server-failing", "10.0.0.2:443", 40)]


def test_a_service_that_begins_to_fail_is_told_though_it_was_well_before() -> None:
    ((name, entity, _),) = told(clients(400, 120) + clients(200, 60, REFUSED, at=120))
    assert (name, entity) == ("server-failing", "10.0.0.2:443")


@pytest.mark.parametrize("attempts", [
    pytest.param(clients(2000, 60) + clients(100, 60, REFUSED) + clients(100, 60, RESET), id="busy, a few refused"),
    pytest.param(clients(2000, 60, hosts=1), id="clients behind one address"),
    pytest.param(clients(30, 1, hosts=1), id="a browser"),
    pytest.param(clients(9, 60, REFUSED, hosts=1), id="one client that tries again"),
    pytest.param(scan_of_hosts(50, answer=50), id="a monitor of hosts that answer"),
    pytest.param(scan_of_hosts(50, answer=40), id="a monitor of hosts, of which some are down"),
    pytest.param(scan_of_ports(100, opened=100), id="passive FTP: many ports, all open"),
    pytest.param(scan_of_ports(15, opened=0), id="few ports"),
    pytest.param(scan_of_ports(30, 900.0, opened=0), id="ports tried in a quarter of an hour"),
    pytest.param(flood(400), id="too few for a flood"),
    pytest.param(flood(900) + clients(900, 8, port=80), id="as many are completed"),
    pytest.param(
        [Attempt(0.05 * k, "10.0.0.7", f"203.0.113.{k % 200}", 10_000 + 7 * k, UNANSWERED if k % 3 else ANSWERED, k)
         for k in range(1, 400)], id="peers of a swarm"),
])  # fmt: skip
def test_usual_traffic_is_none(attempts: list[Attempt]) -> None:
    assert told(attempts) == []


def test_syns_that_are_answered_after_all_are_not_in_vain() -> None:
    """They are told as unanswered, which is taken back: so what fails later stands alone."""
    late = parts_of_attempts(clients(9, 5, UNANSWERED))
    back = parts_of_attempts(clients(9, 5, UNANSWERED))
    for part, cells in (("window.tick", 2), ("a.syns", 0), ("a.syns_unanswered", -1), ("a.packets", 0)):
        back.values(f"shoal.{part}").view("i4" if part != "a.packets" else "i8")[:] = cells
    more = parts_of_attempts(clients(9, 5, UNANSWERED, at=20) + clients(10, 5, at=20))
    anomalies, empty = Anomalies(), Columns(WINDOWS, 0)
    for number, parts in enumerate((late, back, more), 1):
        tick = (number, 100 * number, BEGIN + number * 10 * SECOND, 0)
        anomalies.take(Closed((tick,), empty, np.zeros(0, np.uint32), parts, ends=number == 3))
        assert anomalies.rows() is None


def test_at_the_caps_the_first_are_forgotten_and_events_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MOST_SOURCES", 5)
    monkeypatch.setattr(failing, "MOST_SERVICES", 3)
    attempts = [Attempt(0.1 * k, f"10.0.3.{k}", f"10.0.4.{k}", 80, REFUSED) for k in range(1, 21)]
    assert ("attempts-forgotten", "", 32) in told(attempts)

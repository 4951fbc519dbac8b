"""One trouble, one alert: the entity that explains what is seen."""

from __future__ import annotations

from typing import Any

from pipeline.detect.alerts import Alerts
from pipeline.detect.rules import load_rules
from tests.rules.by_hand import BEGIN, SECOND, Talk, Told, rows


def opened(talks: list[Talk], ticks: int = 5) -> list[dict[str, Any]]:
    """The first row of each alert."""
    found = rows(Alerts(load_rules(), "s1", "c1").take(Told(talks, ticks).closed()))
    return [row for row in found if row["version"] == 1]


def net(bad: Any, clients: int = 6, servers: int = 4, ports: tuple[int, ...] = (80, 443)) -> list[Talk]:
    """Everyone talks with everyone, and what is `bad` (client, server, port) loses 6 %."""
    return [
        Talk(0, f"10.0.0.{c}", f"192.0.2.{s}", port, 300, 18 if bad(c, s, port) else 0)
        for c in range(clients) for s in range(servers) for port in ports
    ]


def test_a_service() -> None:
    (row,) = opened(net(lambda c, s, port: (s, port) == (2, 443)))
    assert (row["kind"], row["entity"]) == ("service", "192.0.2.2:443")


def test_a_server() -> None:
    (row,) = opened(net(lambda c, s, port: s == 2))
    assert (row["kind"], row["entity"]) == ("host", "192.0.2.2")
    assert "192.0.2.2:80" in row["members"]
    assert "192.0.2.2:443" in row["members"]


def test_a_link_between_two_hosts() -> None:
    talks = net(lambda c, s, port: (c, s) == (1, 2), clients=2)
    (row,) = opened(talks)
    assert (row["kind"], row["entity"]) == ("pair", "10.0.0.1 192.0.2.2")


def test_a_client() -> None:
    (row,) = opened(net(lambda c, s, port: c == 1, clients=2))
    assert (row["kind"], row["entity"]) == ("host", "10.0.0.1")


def test_a_client_whose_losses_no_service_shows() -> None:
    """At each service it is one of many."""
    (row,) = opened(net(lambda c, s, port: c == 1, clients=20, servers=6))
    assert (row["kind"], row["entity"]) == ("host", "10.0.0.1")


def test_the_sensor() -> None:
    (row,) = opened(net(lambda c, s, port: True))
    assert (row["kind"], row["entity"]) == ("sensor", "s1")


def test_two_troubles_are_two_alerts() -> None:
    found = opened(net(lambda c, s, port: (s, port) == (2, 443) or s == 0))
    assert {(row["kind"], row["entity"]) for row in found} == {("service", "192.0.2.2:443"), ("host", "192.0.2.0")}


def test_an_open_alert_takes_what_it_explains() -> None:
    """The server's alert is open; a window later its clients are raised too."""
    talks = net(lambda c, s, port: s == 2)
    talks += [Talk(1, f"10.0.0.{c}", "192.0.2.2", 8080, 300, 30) for c in range(3)]
    found = rows(Alerts(load_rules(), "s1", "c1").take(Told(talks, 3).closed()))
    assert {row["entity"] for row in found} == {"192.0.2.2"}
    assert "192.0.2.2:8080" in found[-1]["members"]
    assert found[-1]["ends"] == BEGIN + 20 * SECOND

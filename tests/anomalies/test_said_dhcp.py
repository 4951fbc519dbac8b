"""DHCP: a server that does not belong to its network, and clients that are too many."""

from __future__ import annotations

import itertools

from tests.anomalies.make.said_leases import OURS, Gives, lease
from tests.anomalies.make.said_run import events_of
from tests.exchanges.hear import Frame

PARTNER: Gives = ("10.0.0.3", "10.0.0.130", "10.0.0.1", "10.0.0.2")
"""Another server of the same network: it gives what `OURS` gives."""
GREEDY: Gives = ("10.0.0.66", "10.0.0.77", "10.0.0.66", "10.0.0.2")
"""One that wants to be the router."""
PLUGGED_IN: Gives = ("192.168.0.1", "192.168.0.23", "192.168.0.1", "192.168.0.1")
"""Somebody's home router."""


def _leases(*offers: Gives, first: int = 1, count: int = 5, at: float = 0.0, chosen: int = 0) -> list[Frame]:
    return list(itertools.chain.from_iterable(
        lease(first + k, at + 2.0 * k, offers, chosen) for k in range(count)
    ))  # fmt: skip


def test_a_server_that_offers_itself_as_router_is_a_rogue() -> None:
    """It is not chosen, but one client sees both offers."""
    found = events_of(_leases(OURS) + _leases(OURS, GREEDY, first=10, count=1, at=60))
    (row,) = found.events
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("rogue-dhcp", "10.0.0.66")
    assert row["shoal.event.said"] == "10.0.0.66 gives router 10.0.0.66, where 10.0.0.1 gives router 10.0.0.1"
    assert row["shoal.event.filter"] == "dhcp.option.dhcp_server_id == 10.0.0.66"
    assert [one.name for one in found.going] == ["rogue-dhcp"]


def test_the_rogue_is_the_one_that_served_fewer_though_it_is_quicker() -> None:
    (row,) = events_of(_leases(OURS) + _leases(GREEDY, OURS, first=10, count=1, at=60)).events
    assert row["shoal.event.entity"] == "10.0.0.66"


def test_a_home_router_that_is_plugged_in_gives_another_subnet() -> None:
    (row,) = events_of(_leases(OURS) + _leases(OURS, PLUGGED_IN, first=10, count=1, at=60)).events
    assert row["shoal.event.entity"] == "192.168.0.1"
    assert "addresses of 192.168.0.0, where 10.0.0.1 gives addresses of 10.0.0.0" in row["shoal.event.said"]


def test_a_server_that_serves_some_clients_of_the_subnet_alone_is_a_rogue() -> None:
    """No client sees offers of both."""
    (row,) = events_of(_leases(OURS) + _leases(GREEDY, first=10, count=1, at=60)).events
    assert row["shoal.event.entity"] == "10.0.0.66"


def test_a_rogue_that_goes_on_is_one_event() -> None:
    rows = events_of(_leases(OURS) + _leases(OURS, GREEDY, first=10, count=20, at=60)).events
    assert {(row["shoal.event.frame"], row["shoal.event.entity"]) for row in rows} == {(21, "10.0.0.66")}
    assert max(row["shoal.event.count"] for row in rows) == 20


def test_failover_partners_are_none() -> None:
    assert events_of(_leases(OURS, PARTNER) + _leases(PARTNER, first=10, at=60)).events == []


def test_servers_of_two_networks_are_none() -> None:
    """As a sensor at a trunk sees them: each client hears one of them."""
    assert events_of(_leases(OURS) + _leases(PLUGGED_IN, first=10, at=0.3)).events == []


def test_a_server_of_boot_images_is_none() -> None:
    """It offers no address."""
    pxe: Gives = ("10.0.0.9", "0.0.0.0", "0.0.0.0", "0.0.0.0")
    assert events_of(_leases(OURS, pxe)).events == []


def test_far_more_clients_than_addresses_are_starvation() -> None:
    frames = list(itertools.chain.from_iterable(lease(k, 0.09 * k, (OURS,), chosen=1) for k in range(1, 401)))
    found = events_of(frames)
    counts = [row["shoal.event.count"] for row in found.of("dhcp-starvation")]
    assert {row["shoal.event.name"] for row in found.events} == {"dhcp-starvation"}
    assert max(counts) == 400
    assert [one.name for one in found.going][:1] == ["dhcp-starvation"]


def test_a_network_that_comes_up_is_none() -> None:
    """As many clients, which are given addresses."""
    frames = list(itertools.chain.from_iterable(lease(k, 0.1 * k) for k in range(1, 401)))
    assert events_of(frames).events == []


def test_one_client_that_asks_all_the_time_is_none() -> None:
    frames = list(itertools.chain.from_iterable(lease(1, 0.1 * k, (OURS,), chosen=1) for k in range(400)))
    assert events_of(frames).events == []

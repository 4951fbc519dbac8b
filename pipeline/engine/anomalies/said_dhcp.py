"""DHCP: a second server that leads clients elsewhere, and clients that are too many. All of DHCP is in one shard.

Two servers in one network are usual: failover partners (RFC 2131, section 2.2), who give the same routers and DNS
servers of the same subnet. One that does not belong there is known by what it gives: another subnet, router or DNS
server than the other, to the same client, or to clients of one subnet within an hour. Of both, that one is told which
had served fewer clients before.
"""

from __future__ import annotations

from pipeline.engine.anomalies.said_rows import (
    MINUTE,
    SECOND,
    Row,
    ipv4,
    sighting_of,
    sighting_state,
)
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import Sighting
from pipeline.schema.exchanges.dhcp import DHCP_KINDS, DHCP_OUTCOMES

CLIENTS_IN_A_MINUTE = 250
"""Clients that newly ask for an address in one minute: a /24 has 254 addresses for all of its clients."""

SERVED_SHARE = 2
"""A network that comes up asks as often: but then at least one in so many gets its address."""

MOST_CLIENTS = 4096
"""Clients that are counted of a minute."""

MOST_SERVERS = 1024
"""Servers, and subnets with the servers of each, that are known; the oldest are forgotten for more."""

KNOWN_FOR = 3600 * SECOND
"""Event time (ns) for which what a server gave counts."""

_NEW_LEASE = DHCP_KINDS.index("new lease")
_ACKED = DHCP_OUTCOMES.index("acked")
_PAST_MINUTES = 4

Gives = tuple[int, str, str]
"""Network of the address given, routers, DNS servers."""


class SaidDhcp:
    """Looks at rows of the record `dhcp_states`."""

    def __init__(self) -> None:
        self._seen: list[Sighting] = []
        # By server: exchanges that it served.
        self._served: dict[int, int] = {}
        # By network and relay: of each server what it gave last, and when.
        self._networks: dict[tuple[int, int], dict[int, tuple[str, str, int]]] = {}
        # By minute: hardware addresses of who asked, how many were served, how many were told.
        self._minutes: dict[int, tuple[dict[str, None], list[int]]] = {}

    def row(self, name: str, row: Row, tick: int) -> None:
        """A row of the record `name`, behind the window tick `tick`."""
        if name != "dhcp_states":
            return
        self._starvation(row, tick)
        # What has no address or no mask is of a server that tells where to boot from (PXE), or of BOOTP.
        offers = [
            (server, (network, _texts(routers), _texts(names)))
            for server, network, routers, names in row.get("offers", ()) if server and network
        ]
        for at, (server, gives) in enumerate(offers):
            for other, others in offers[:at]:
                if gives != others:
                    self._rogue(row, tick, server, gives, other, others)
        if row.get("shoal.dhcp.outcome") != _ACKED:
            return
        server = row.get("dhcp.option.dhcp_server_id", 0)
        if not server:
            return
        self._served[server] = self._served.pop(server, 0) + 1
        if len(self._served) > MOST_SERVERS:
            del self._served[next(iter(self._served))]
        self._compare(row, tick, server)

    def _compare(self, row: Row, tick: int, server: int) -> None:
        """Hold what a server gave against what others gave in the same subnet."""
        mask = row.get("dhcp.option.subnet_mask", 0)
        routers, names = _texts(row.get("dhcp_router.address", ())), _texts(row.get("dhcp_dns.address", ()))
        if not mask or not row.get("dhcp.ip.your") or not (routers or names):
            return
        network = row["dhcp.ip.your"] & mask, row.get("dhcp.ip.relay", 0)
        time = row["shoal.first_time"]
        servers = self._networks.pop(network, {})
        for other, (other_routers, other_names, when) in servers.items():
            if other != server and abs(time - when) < KNOWN_FOR and (other_routers, other_names) != (routers, names):
                gives, others = (network[0], routers, names), (network[0], other_routers, other_names)
                self._rogue(row, tick, server, gives, other, others)
        servers[server] = routers, names, time
        if len(servers) > 16:
            del servers[next(iter(servers))]
        self._networks[network] = servers
        if len(self._networks) > MOST_SERVERS:
            del self._networks[next(iter(self._networks))]

    def _rogue(self, row: Row, tick: int, server: int, gives: Gives, other: int, others: Gives) -> None:
        # The one that has served fewer; the later one where both are new.
        if self._served.get(server, 0) > self._served.get(other, 0):
            server, gives, other, others = other, others, server, gives
        what = next(at for at in range(3) if gives[at] != others[at])
        word = ("addresses of", "router", "DNS server")[what]
        mine, theirs = (f"{word} {ipv4(one[0]) if what == 0 else one[what] or 'none'}" for one in (gives, others))
        self._seen.append(Sighting(
            "rogue-dhcp", tick, row["shoal.first_frame"], row["shoal.first_time"], ipv4(server),
            f"{ipv4(server)} gives {mine}, where {ipv4(other)} gives {theirs}",
            f"dhcp.option.dhcp_server_id == {ipv4(server)}",
        ))  # fmt: skip

    def _starvation(self, row: Row, tick: int) -> None:
        if row.get("shoal.dhcp.kind") != _NEW_LEASE:
            return
        time = row["shoal.first_time"]
        minute = time // MINUTE
        clients, (served, told) = self._minutes.setdefault(minute, ({}, [0, 0]))
        hardware = f"{row.get('dhcp.hw.mac_addr', 0):x}" + row.get("dhcp.hw.addr", "")
        if hardware in clients or len(clients) >= MOST_CLIENTS:
            return
        clients[hardware] = None
        served += row.get("shoal.dhcp.outcome") == _ACKED
        if len(clients) > CLIENTS_IN_A_MINUTE and served * SERVED_SHARE < len(clients):
            self._seen.append(Sighting(
                "dhcp-starvation", tick, row["shoal.first_frame"], time, "",
                f"Over {CLIENTS_IN_A_MINUTE} clients asked for an address in a minute; {served} were given one",
                "dhcp.option.dhcp == 1", count=len(clients) - told,
            ))  # fmt: skip
            told = len(clients)
        self._minutes[minute] = clients, [served, told]
        for old in [old for old in self._minutes if old < minute - _PAST_MINUTES]:
            del self._minutes[old]

    def take(self) -> list[Sighting]:
        """What was seen since this was asked last."""
        seen, self._seen = self._seen, []
        return seen

    def state(self) -> Tree:
        """All that is known."""
        return {
            "seen": [sighting_state(one) for one in self._seen],
            "served": [[server, count] for server, count in self._served.items()],
            "networks": [[*key, [[server, *of] for server, of in servers.items()]]
                         for key, servers in self._networks.items()],
            "minutes": [[minute, list(clients), counts] for minute, (clients, counts) in self._minutes.items()],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._seen = [sighting_of(one) for one in state["seen"]]
        self._served = dict(state["served"])
        self._networks = {
            (network, relay): {server: (routers, names, when) for server, routers, names, when in servers}
            for network, relay, servers in state["networks"]
        }
        self._minutes = {minute: (dict.fromkeys(clients), counts) for minute, clients, counts in state["minutes"]}


def _texts(addresses: list[int] | tuple[int, ...]) -> str:
    return ", ".join(ipv4(address) for address in addresses)

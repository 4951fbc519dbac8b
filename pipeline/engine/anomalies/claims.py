"""Who claims an address on the link, by ARP (RFC 826, RFC 5227) or neighbour discovery (RFC 4861): spoofed, or taken
twice; and who announces far too often.

That another host takes an address over is no anomaly: that both claim it by turns is. It is spoofed where one of them
tells it to a neighbour that had not asked, or has an address of its own besides; else the address is a duplicate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Any

from pipeline.engine.anomalies.detector import Batch, mac
from pipeline.engine.anomalies.link_rows import ANNOUNCES, ANSWERS, ASKS, PROBES, PUSHES, Claim, claims_of
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

MOST_ADDRESSES = 65_536
"""Addresses remembered, and questions, and hosts; the oldest is forgotten for one more."""
MOST_HOSTS = 4
"""Hosts remembered of one address; who was seen longest ago is forgotten for one more."""

FRESH_NS = 60_000_000_000
"""A host that has not claimed its address for longer may have left it: the next one takes it over."""
ASKED_NS = 5_000_000_000
"""A question may be answered for so long."""
PUSHED = 2
"""So often must an address be told to who had not asked, before that alone is spoofing."""
CLAIMED = 2
"""So often must two hosts claim an address: one odd frame may be damaged, and one claim back may have been late."""
AGAIN_NS = 10_000_000_000
"""An address is not told more often."""
FLOOD_NS = 10_000_000_000
"""Announcements are counted for so long."""
FLOOD = 100
"""More of one host are a flood: a cluster that moves its addresses sends some dozens."""

Key = tuple[int, bytes]
"""VLAN (-1: no tag) and address (4 or 16 bytes)."""


def is_virtual(hardware: int) -> bool:
    """Whether routers that stand in for each other share it: VRRP and CARP (RFC 9568, section 7.3), HSRP, GLBP."""
    return (
        hardware >> 8 in (0x00005E0001, 0x00005E0002, 0x00000C07AC)
        or hardware >> 12 == 0x00000C9FF
        or hardware >> 24 == 0x0007B4
    )


@dataclass(slots=True)
class Host:
    """One that claims an address: when it did last (ns), how often, how often it told it to who had not asked while
    another one claimed it too, and whether it has used it: it announced it, or asked from it."""

    hardware: int
    time: int
    claims: int = 0
    pushed: int = 0
    used: bool = False


@dataclass(slots=True)
class Held:
    """An address: its hosts, who claimed it last, how often that changed, and when it was told last (ns)."""

    hosts: list[Host] = field(default_factory=list)
    last: int = 0
    flips: int = 0
    told: int = 0


class Claims:
    """A detector: `arp-spoofing`, `duplicate-address`, `arp-flood`."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._held: dict[Key, Held] = {}
        # Of a question: when it was asked last, and who has answered since.
        self._asked: dict[tuple[int, bytes, bytes], tuple[int, list[int]]] = {}
        # Of a probe: when it was sent, and by whom.
        self._probed: dict[Key, tuple[int, int]] = {}
        # Of a host: since when its announcements are counted, and how many.
        self._announced: dict[int, list[int]] = {}
        # Of a host: its first IPv4 address, and whether there were others.
        self._own: dict[int, tuple[bytes, bool]] = {}
        self._forgotten = 0

    def process(self, batch: Batch) -> None:
        """Take the rows of the next batch."""
        for claim in claims_of(batch.columns):
            if claim.kind in (ASKS, PROBES):
                self._ask(claim)
            if claim.kind == PROBES:
                continue
            if claim.kind == PUSHES and self._was_asked(claim):
                claim.kind = ANSWERS
            if claim.kind in (ANNOUNCES, PUSHES):
                self._count(batch, claim)
            self._defended(batch, claim)
            self._claim(batch, claim)

    def _ask(self, claim: Claim) -> None:
        key = claim.vlan, claim.address, claim.target
        self._asked.pop(key, None)
        _expire(self._asked, claim.time)
        self._make_room(self._asked, claim.row)
        self._asked[key] = claim.time, []
        if claim.kind == PROBES:
            probe = claim.vlan, claim.target
            self._probed.pop(probe, None)
            _expire(self._probed, claim.time)
            self._make_room(self._probed, claim.row)
            self._probed[probe] = claim.time, claim.hardware

    def _was_asked(self, claim: Claim) -> bool:
        """Whether it answers: each host may once."""
        time, answered = self._asked.get((claim.vlan, claim.target, claim.address), (0, []))
        if not 0 <= claim.time - time <= ASKED_NS or claim.hardware in answered or len(answered) >= MOST_HOSTS:
            return False
        answered.append(claim.hardware)
        return True

    def _count(self, batch: Batch, claim: Claim) -> None:
        """Announcements of a host."""
        counted = self._announced.get(claim.hardware)
        if counted is None:
            self._make_room(self._announced, claim.row)
            counted = self._announced[claim.hardware] = [claim.time, 0]
        if not 0 <= claim.time - counted[0] < FLOOD_NS:
            counted[:] = claim.time, 0
        counted[1] += 1
        if counted[1] == FLOOD + 1:
            who = mac(claim.hardware)
            batch.see("arp-flood", claim.row, who,
                      f"{who} announced addresses over {FLOOD} times within {FLOOD_NS // 10**9} s",
                      f"eth.src == {who} && (arp || icmpv6.type == 136)", count=counted[1])

    def _defended(self, batch: Batch, claim: Claim) -> None:
        """Whether another one had asked just now if the address is free."""
        time, prober = self._probed.pop((claim.vlan, claim.address), (0, 0))
        if prober in (0, claim.hardware) or not 0 <= claim.time - time <= ASKED_NS or is_virtual(claim.hardware):
            return
        held = self._held.get((claim.vlan, claim.address))
        if held is not None and any(host.hardware == prober for host in held.hosts):
            # It has the address: who asks for its own after a sleep is answered by who stood in for it.
            return
        self._tell(batch, claim, "duplicate-address", f"{mac(prober)} asked for it, and {mac(claim.hardware)} has it")

    def _claim(self, batch: Batch, claim: Claim) -> None:
        key = claim.vlan, claim.address
        held = self._held.get(key)
        if held is None:
            self._make_room(self._held, claim.row)
            held = self._held[key] = Held()
        elif len(held.hosts) == 1 and held.last == claim.hardware:
            # As nearly always.
            one = held.hosts[0]
            one.time = claim.time
            one.claims += 1
            one.used |= claim.kind in (ANNOUNCES, ASKS)
            return
        host = next((host for host in held.hosts if host.hardware == claim.hardware), None)
        if host is None:
            host = self._new_host(held, claim)
        held.hosts = [one for one in held.hosts if one is host or abs(claim.time - one.time) <= FRESH_NS]
        host.time = claim.time
        host.claims += 1
        host.used |= claim.kind in (ANNOUNCES, ASKS)
        if len(held.hosts) == 1:
            held.last, held.flips, host.pushed = claim.hardware, 0, 0
            return
        host.pushed += claim.kind == PUSHES
        if claim.hardware != held.last:
            held.last = claim.hardware
            held.flips += 1
        self._judge(batch, claim, held)

    def _new_host(self, held: Held, claim: Claim) -> Host:
        if len(held.hosts) >= MOST_HOSTS:
            held.hosts.remove(min(held.hosts, key=lambda host: host.time))
        host = Host(claim.hardware, claim.time)
        held.hosts.append(host)
        if len(claim.address) == 4:
            first, others = self._own.get(claim.hardware, (claim.address, False))
            if claim.hardware not in self._own:
                self._make_room(self._own, claim.row)
            self._own[claim.hardware] = first, others or first != claim.address
        return host

    def _has_others(self, host: Host) -> bool:
        """Whether it has other IPv4 addresses. Of IPv6 every host has some."""
        return self._own.get(host.hardware, (b"", False))[1]

    def _judge(self, batch: Batch, claim: Claim, held: Held) -> None:
        """Several hosts claimed the address lately."""
        if any(is_virtual(host.hardware) for host in held.hosts):
            return
        both = held.flips > 1 and sum(host.claims >= CLAIMED for host in held.hosts) > 1
        # The first host stands first. It has no need to claim against a newcomer that is not heard again.
        pushing = max(held.hosts[0 if both else 1 :][::-1], key=lambda host: host.pushed)
        if pushing.pushed >= (1 if both else PUSHED):
            self._spoofed(batch, claim, held, pushing)
            return
        strangers = [host for host in held.hosts if self._has_others(host)]
        if not both or any(not host.used for host in (held.hosts if len(claim.address) == 16 else strangers)):
            # Who has other addresses and only answers for this one is a router with proxy ARP, or has two cards.
            return
        if len(strangers) == 1:
            self._spoofed(batch, claim, held, strangers[0])
        else:
            names = " and ".join(mac(host.hardware) for host in held.hosts)
            self._tell(batch, claim, "duplicate-address", f"{names} both claim it")

    def _spoofed(self, batch: Batch, claim: Claim, held: Held, by: Host) -> None:
        rest = " and ".join(mac(host.hardware) for host in held.hosts if host is not by)
        self._tell(batch, claim, "arp-spoofing", f"{mac(by.hardware)} claims it, and {rest} does too")

    def _tell(self, batch: Batch, claim: Claim, name: str, said: str) -> None:
        key = claim.vlan, claim.address
        held = self._held.get(key)
        if held is not None:
            if held.told and 0 <= claim.time - held.told < AGAIN_NS:
                return
            held.told = claim.time
        address = str(ip_address(claim.address))
        entity = address if claim.vlan < 0 else f"{address} in VLAN {claim.vlan}"
        shows = f"arp.src.proto_ipv4 == {address}"
        if len(claim.address) == 16:
            shows = f"icmpv6.nd.na.target_address == {address} || icmpv6.nd.ns.target_address == {address}"
        batch.see(name, claim.row, entity, f"{entity}: {said}", shows)

    def _make_room(self, known: dict[Any, Any], row: int) -> None:
        if len(known) >= MOST_ADDRESSES:
            del known[next(iter(known))]
            self._forgotten += 1
            self._notes.note("claims-forgotten", row, self._forgotten)

    def state(self) -> Tree:
        """All that is known."""
        return {
            "held": [[*key, [asdict(host) for host in held.hosts], held.last, held.flips, held.told]
                     for key, held in self._held.items()],
            "asked": [[*key, *asked] for key, asked in self._asked.items()],
            "probed": [[*key, *probe] for key, probe in self._probed.items()],
            "announced": [[host, *counted] for host, counted in self._announced.items()],
            "own": [[host, *own] for host, own in self._own.items()],
            "forgotten": self._forgotten,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._held = {
            (vlan, address): Held([Host(**host) for host in hosts], *rest)
            for vlan, address, hosts, *rest in state["held"]
        }
        self._asked = {
            (vlan, asks, target): (time, answered) for vlan, asks, target, time, answered in state["asked"]
        }
        self._probed = {(vlan, address): (time, host) for vlan, address, time, host in state["probed"]}
        self._announced = {host: counted for host, *counted in state["announced"]}
        self._own = {host: (first, others) for host, first, others in state["own"]}
        self._forgotten = state["forgotten"]


def _expire(asked: dict[Any, tuple[int, Any]], now: int) -> None:
    """Forget the oldest questions, as far as nobody waits for an answer to them."""
    while asked and not 0 <= now - asked[oldest := next(iter(asked))][0] <= ASKED_NS:
        del asked[oldest]

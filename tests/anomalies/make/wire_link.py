"""Captures of the link: addresses claimed by several, announcements, hardware addresses, the clock."""

from __future__ import annotations

import random

from tests.anomalies.make.wire_frames import (
    EPOCH,
    MS,
    REPLY,
    SECOND,
    Timed,
    announces,
    arp,
    asks,
    discovery,
    ip,
    tells,
)

ROUTER, VICTIM, ATTACKER, SPARE = ("02:00:00:00:00:01", "02:00:00:00:00:0a", "02:00:00:00:00:66", "02:00:00:00:00:0b")
GATEWAY, HOST, OTHER = "10.0.0.1", "10.0.0.10", "10.0.0.66"


def _timed(*frames: bytes, step: int = 100 * MS, start: int = EPOCH) -> list[Timed]:
    return [(start + i * step, frame) for i, frame in enumerate(frames)]


def _resolved() -> list[bytes]:
    """The victim asks for the router, and is told."""
    return [asks(VICTIM, HOST, GATEWAY), tells(ROUTER, GATEWAY, VICTIM, HOST)]


def poisoned() -> list[Timed]:
    """A third host tells the victim again and again that it is the router."""
    lies = [tells(ATTACKER, GATEWAY, VICTIM, HOST)] * 5
    return _timed(asks(ATTACKER, OTHER, GATEWAY), tells(ROUTER, GATEWAY, ATTACKER, OTHER), *_resolved(), *lies)


def poisoned_by_turns() -> list[Timed]:
    """The same, while the router goes on to answer."""
    lie = tells(ATTACKER, GATEWAY, VICTIM, HOST)
    return _timed(*[*_resolved(), lie, lie] * 4)


def poisoned_by_requests() -> list[Timed]:
    """A host with an address of its own asks in the router's name, which goes on to answer and ask itself."""
    lie = asks(ATTACKER, GATEWAY, HOST)
    own = asks(ROUTER, GATEWAY, HOST)
    return _timed(asks(ATTACKER, OTHER, GATEWAY), tells(ROUTER, GATEWAY, ATTACKER, OTHER), own, lie, own, lie, own)


def poisoned_neighbours() -> list[Timed]:
    """IPv6: advertisements that nobody asked for, to one neighbour."""
    router, host = "fe80::1", "fe80::a"
    asked = [discovery(135, VICTIM, host, router, router), discovery(136, ROUTER, router, host, router, 0b111)]
    return _timed(*asked, *[discovery(136, ATTACKER, router, host, router, 0b001)] * 4)


def taken_twice() -> list[Timed]:
    """Two hosts have one address: each announces it, and defends it when the other does (RFC 5227, section 2.4)."""
    one, two = announces(VICTIM, HOST), announces(SPARE, HOST)
    return _timed(one, two, one, two, one, two)


def answered_twice() -> list[Timed]:
    """Two hosts answer for one address, each time that it is asked for."""
    return _timed(*[asks(ROUTER, GATEWAY, HOST), tells(VICTIM, HOST, ROUTER, GATEWAY),
                    tells(SPARE, HOST, ROUTER, GATEWAY)] * 4)


def probed_and_refused() -> list[Timed]:
    """A host asks whether an address is free, and who has it answers (RFC 5227, section 2.1)."""
    return _timed(announces(VICTIM, HOST), arp(1, SPARE, "0.0.0.0", HOST), tells(VICTIM, HOST, SPARE, "0.0.0.0"))


def probed_and_refused_6() -> list[Timed]:
    """Duplicate address detection that finds another one (RFC 4862, section 5.4)."""
    probe = discovery(135, SPARE, "::", "ff02::1:ff00:a", "fe80::a")
    return _timed(probe, discovery(136, VICTIM, "fe80::a", "ff02::1", "fe80::a", 0b001))


def new_card() -> list[Timed]:
    """The router's card is replaced: the new one announces the address, and the old one is not heard again."""
    return _timed(*_resolved(), announces(SPARE, GATEWAY), announces(SPARE, GATEWAY), asks(VICTIM, HOST, GATEWAY),
                  tells(SPARE, GATEWAY, VICTIM, HOST))


def reassigned() -> list[Timed]:
    """An address is given to another host after a long silence, and later to the first one again."""
    one = _timed(announces(VICTIM, HOST), asks(VICTIM, HOST, GATEWAY))
    two = _timed(announces(SPARE, HOST), asks(SPARE, HOST, GATEWAY), start=EPOCH + 3600 * SECOND)
    three = _timed(announces(VICTIM, HOST), asks(VICTIM, HOST, GATEWAY), start=EPOCH + 7200 * SECOND)
    return one + two + three


def standing_in() -> list[Timed]:
    """Two routers of VRRP: each speaks with its own hardware address and with the one they share."""
    shared = "00:00:5e:00:01:0a"
    return _timed(*[
        frame for _ in range(4)
        for frame in (announces(ROUTER, GATEWAY), announces(shared, GATEWAY), tells(SPARE, GATEWAY, VICTIM, HOST))
    ])  # fmt: skip


def proxied() -> list[Timed]:
    """A router answers for all hosts behind it, and for one that answers itself."""
    frames: list[bytes] = [asks(ROUTER, GATEWAY, HOST)]
    for last in range(20, 40):
        frames += [asks(VICTIM, HOST, f"10.0.0.{last}"), tells(ROUTER, f"10.0.0.{last}", VICTIM, HOST)]
    for _ in range(4):
        frames += [asks(VICTIM, HOST, "10.0.0.20"), tells(SPARE, "10.0.0.20", VICTIM, HOST),
                   tells(ROUTER, "10.0.0.20", VICTIM, HOST)]
    return _timed(*frames)


def two_vlans() -> list[Timed]:
    """One address in two VLANs: they are two networks."""
    return _timed(*[
        frame for _ in range(4)
        for frame in (asks(VICTIM, HOST, GATEWAY, vlan=1), asks(SPARE, HOST, GATEWAY, vlan=2))
    ])  # fmt: skip


def damaged() -> list[Timed]:
    """Frames that were damaged on their way name a hardware address once, each another one."""
    frames: list[bytes] = []
    for i in range(10):
        frames += [asks(VICTIM, HOST, GATEWAY), tells(ROUTER, GATEWAY, VICTIM, HOST),
                   tells(ROUTER, GATEWAY, VICTIM, HOST), asks(f"02:00:00:0{i}:00:0a", HOST, GATEWAY)]
    return _timed(*frames)


def announced(times: int) -> list[Timed]:
    """A host announces its addresses."""
    return _timed(*[announces(ATTACKER, f"10.0.{i % 200}.1", REPLY) for i in range(times)], step=50 * MS)


def _sent(i: int, hardware: str) -> bytes:
    return ip("10.0.0.1", "10.0.0.2", 17, bytes(28), hw=hardware, to_hw=f"02:00:00:00:{i >> 8:02x}:{i & 255:02x}")


def made_up(senders: int, step: int = MS) -> list[Timed]:
    """Frames of senders that were made up, each another one."""
    rng = random.Random(7)
    hosts = [":".join(f"{byte:02x}" for byte in b"\2" + rng.randbytes(5)) for _ in range(senders)]
    return [(EPOCH + i * step, _sent(i, host)) for i, host in enumerate(hosts)]


def large_network(senders: int) -> list[Timed]:
    """A network of as many hosts, which all talk: each sends more than one frame."""
    rng = random.Random(8)
    frames = made_up(senders) + made_up(senders)
    rng.shuffle(frames)
    return [(EPOCH + i * MS, frame) for i, (_, frame) in enumerate(frames)]


def at_times(*seconds: float) -> list[Timed]:
    """Frames at these times."""
    return [(EPOCH + round(at * SECOND), _sent(i, ROUTER)) for i, at in enumerate(seconds)]

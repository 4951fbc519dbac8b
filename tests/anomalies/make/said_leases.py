"""DHCP as networks have it: clients that get leases, one server, two that belong together, and one that does not."""

from __future__ import annotations

from collections.abc import Sequence

from tests.exchanges.hear import Frame
from tests.exchanges.hosts import address, asked, dhcp, option, told

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5

Gives = tuple[str, str, str, str]
"""A server's address, and what it gives: an address, the router, the DNS server; the mask is always 255.255.255.0."""

OURS: Gives = ("10.0.0.1", "10.0.0.5", "10.0.0.1", "10.0.0.2")


def hardware(k: int) -> bytes:
    """The k-th client's hardware address."""
    return b"\2\0\0" + k.to_bytes(3, "big")


def said(kind: int, gives: Gives, k: int) -> bytes:
    """A server's message."""
    server, your, router, names = gives
    options = (option(54, address(server)), option(51, b"\0\0\x0e\x10"), option(1, b"\xff\xff\xff\0"),
               option(3, address(router)), option(6, address(names)))  # fmt: skip
    return dhcp(kind, *options, xid=k, hardware=hardware(k), your=your)


def lease(k: int, at: float, offers: Sequence[Gives] = (OURS,), chosen: int = 0) -> list[Frame]:
    """A client that asks, is offered, chooses and is given an address."""
    frames = [asked(dhcp(DISCOVER, xid=k, hardware=hardware(k)), at)]
    for n, gives in enumerate(offers):
        frames.append(told(said(OFFER, gives, k), at + 0.01 + 0.01 * n, src=gives[0]))
    if chosen < len(offers):
        gives = offers[chosen]
        frames.append(asked(dhcp(REQUEST, option(54, address(gives[0])), option(50, address(gives[1])), xid=k,
                                 hardware=hardware(k)), at + 0.5))  # fmt: skip
        frames.append(told(said(ACK, gives, k), at + 0.51, src=gives[0]))
    return frames

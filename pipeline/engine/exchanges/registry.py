"""The trackers of all protocols, and what each is to see. A line a protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.engine.dns.tracker import Dns
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.tracker import Conversations, Datagrams, Tracker
from pipeline.engine.http.tracker import Http
from pipeline.engine.notes import Notes

UDP_PORTS: dict[str, tuple[int, ...]] = {
    "dns": (53, 5353, 5355),
    "http": (1900,),
}
"""Tracker of datagrams to the UDP ports at which it listens, as Wireshark does."""

_MAKERS: dict[str, Callable[[Notes, Outlet], Tracker]] = {
    "dns": Dns,
    "http": Http,
}


@dataclass(slots=True)
class Registry:
    """Trackers by name: all, those of datagrams, those of TCP conversations."""

    trackers: dict[str, Tracker] = field(default_factory=dict)
    datagrams: dict[str, Datagrams] = field(default_factory=dict)
    conversations: dict[str, Conversations] = field(default_factory=dict)


def registry(notes: Notes, out: Outlet) -> Registry:
    """New trackers, which know nothing yet."""
    found = Registry()
    for name, make in _MAKERS.items():
        tracker = found.trackers[name] = make(notes, out)
        if isinstance(tracker, Datagrams):
            found.datagrams[name] = tracker
        if isinstance(tracker, Conversations):
            found.conversations[name] = tracker
    return found

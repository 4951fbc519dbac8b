"""More exchanges that begin and never end than there is room for: what they take, what waits, and what is said of it.

The frames are those of `benchmarks.half_open`, which shows the same with a million of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from benchmarks.half_open import Measured, apart
from pipeline.engine.arp.tracker import MOST_ASKED as MOST_ARP
from pipeline.engine.dhcp.tracker import MOST_EXCHANGES
from pipeline.engine.dns.tracker import MOST_QUERIES
from pipeline.engine.exchanges.dialogues import MOST_BYTES, MOST_CONVERSATIONS
from pipeline.engine.fragment_pool import MOST_BYTES as MOST_FRAGMENT_BYTES
from pipeline.engine.icmp.tracker import MOST_ASKED as MOST_ICMP
from pipeline.engine.oicq import MOST_WAITING as MOST_OICQ
from pipeline.engine.smtp.tracker import MOST_WAITING as MOST_SMTP
from pipeline.engine.ssh.tracker import MOST_WAITING as MOST_SSH
from pipeline.engine.tls.tracker import MOST_OPEN

COUNT = 140_000
"""Exchanges of a kind: over twice the conversations that are followed, and the rows of any kind that wait."""

MOST_MIB = 256
"""What any of them may take beside the same frames in an engine that follows no exchanges."""

TOLD = {
    "dns": ("dns_states", MOST_QUERIES, "queries-forgotten"),
    "dhcp": ("dhcp_states", MOST_EXCHANGES, "dhcp-exchanges-forgotten"),
    "arp": ("arp_states", MOST_ARP, "arp-requests-forgotten"),
    "icmp": ("icmp_states", MOST_ICMP, "echoes-forgotten"),
    "http": ("http_states", MOST_CONVERSATIONS, "streams-forgotten"),
    "tls": ("tls_states", MOST_OPEN, "handshakes-forgotten"),
    "smtp": ("smtp_states", MOST_SMTP, "streams-forgotten"),
    "ssh": ("ssh_states", MOST_SSH, "ssh-forgotten"),
    "oicq": ("oicq_states", MOST_OICQ, "oicq-forgotten"),
}
"""Kind to the rows that are told of it, how many of them wait at the most, and the event that tells of the others."""


@cache
def measured() -> dict[str, tuple[Measured, Measured]]:
    """Of each kind the engine without exchanges, and with them; two at a time."""
    kinds = [*TOLD, "http-part", "http-long", "tls-part", "fragments"]
    # To an engine without exchanges, short segments are alike whatever they say.
    alike = dict.fromkeys(("tls", "smtp", "ssh", "http-part", "tls-part"), "http")
    bases = sorted({alike.get(kind, kind) for kind in kinds})
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(kinds, pool.map(lambda kind: apart(kind, COUNT), kinds), strict=True))
        base = dict(zip(bases, pool.map(lambda kind: apart(kind, COUNT, exchanges=False), bases), strict=True))
    return {kind: (base[alike.get(kind, kind)], found[kind]) for kind in kinds}


def tells_of(events: dict[str, int], name: str, count: int) -> bool:
    """Whether the events say that `count` were given up: the last of them at more than half of all."""
    return count / 2 < events[name] <= count


@pytest.mark.parametrize("kind", TOLD)
def test_what_nobody_answers_is_told_at_the_cap(kind: str) -> None:
    _, found = measured()[kind]
    name, most, event = TOLD[kind]
    assert found.rows[name] == COUNT
    assert found.waited[name] == most
    assert tells_of(found.events, event, COUNT - most)


@pytest.mark.parametrize("kind", [*TOLD, "http-part", "http-long", "tls-part"])
def test_memory_stays_under_its_cap(kind: str) -> None:
    base, found = measured()[kind]
    assert found.beside(base) < MOST_MIB * 1024
    # What the flows know of these conversations is the same: nothing is measured that is not there.
    assert found.rows.get("flow_states") == base.rows.get("flow_states")


@pytest.mark.parametrize("kind", ["http-part", "tls-part"])
def test_messages_that_are_never_whole_are_given_up_with_their_conversations(kind: str) -> None:
    _, found = measured()[kind]
    assert found.rows == {"flow_states": COUNT}
    assert tells_of(found.events, "streams-forgotten", COUNT - MOST_CONVERSATIONS)


def test_bytes_that_wait_are_given_up_before_there_are_too_many_conversations() -> None:
    _, found = measured()["http-long"]
    size = len(b"GET /a HTTP/1.1\r\nCookie: ") + 1400
    assert MOST_BYTES // size < MOST_CONVERSATIONS
    assert tells_of(found.events, "stream-bytes-forgotten", COUNT * size - MOST_BYTES // size * size)
    assert "streams-forgotten" not in found.events


def test_fragments_that_wait_take_no_more_than_their_cap() -> None:
    base, found = measured()["fragments"]
    assert found.beside(base) < 16 * 1024
    # With the batch under way, and what the engine has from the begin.
    assert found.peak_kib < (MOST_FRAGMENT_BYTES >> 10) + MOST_MIB * 1024
    # Each takes a block of 512 bytes at least.
    assert COUNT - MOST_FRAGMENT_BYTES // 512 <= found.events["fragments-forgotten"] < COUNT

"""TLS: certificates that do not hold, and those that are changed for others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tests.anomalies.make.said_run import events_of
from tests.anomalies.make.said_shown import leaf, shown
from tests.exchanges.hear import Frame


def _handshakes(certificates: Sequence[bytes], at: float = 0.0, **named: str) -> list[Frame]:
    first = round(at)
    return list(itertools.chain.from_iterable(
        shown(certificate, at + k, first + k, **named) for k, certificate in enumerate(certificates)  # type: ignore[arg-type]
    ))  # fmt: skip


def test_an_expired_certificate_is_told_once_a_day_of_its_service() -> None:
    rows = events_of(_handshakes([leaf(begins=-90, ends=-3)] * 5)).events
    assert {row["shoal.event.name"] for row in rows} == {"tls-certificate-expired"}
    assert {row["shoal.event.entity"] for row in rows} == {"10.0.0.2:443 example.com"}
    assert max(row["shoal.event.count"] for row in rows) == 5
    assert rows[0]["shoal.event.said"] == (
        "10.0.0.2:443 example.com shows a certificate of CN=example.com,O=Example that expired on 2023-11-11"
    )
    assert rows[0]["shoal.event.filter"] == "ip.addr == 10.0.0.2 && tcp.port == 443 && tls.handshake.type == 11"


def test_a_certificate_that_does_not_hold_yet_is_told() -> None:
    (row,) = events_of(_handshakes([leaf(begins=2)])).events
    assert "is not valid before 2023-11-16" in row["shoal.event.said"]


def test_certificates_that_hold_are_none() -> None:
    """Nor is an expired one of the chain, or one that has just begun by a clock that is ahead."""
    assert events_of(_handshakes([leaf()])).events == []
    assert events_of(shown(leaf(), 0, chain=(leaf(9, begins=-900, ends=-400),))).events == []
    assert events_of(_handshakes([leaf(begins=0)])).events == []


def test_a_certificate_of_another_issuer_is_told_when_it_stays() -> None:
    rows = events_of(_handshakes([leaf()] * 4) + _handshakes([leaf(7, by="Other CA", key="rsa")] * 6, 100)).events
    (row,) = rows
    assert (row["shoal.event.name"], row["shoal.event.severity"]) == ("tls-certificate-changed", "info")
    assert row["shoal.event.said"] == (
        "10.0.0.2:443 example.com shows a certificate of CN=example.com,O=Example by Other CA with key RSA 2048,"
        " before one by Good CA with key EC secp256r1 256"
    )
    # The ClientHello of the first handshake that shows it.
    assert row["shoal.event.frame"] == len(_handshakes([leaf()] * 4)) + 4


def test_a_renewal_is_none() -> None:
    """The same authority, by another key of its own."""
    assert events_of(_handshakes([leaf()] * 4) + _handshakes([leaf(2, common="R2")] * 6, 100)).events == []


def test_a_service_that_shows_two_in_turn_is_none() -> None:
    """As a CDN does, and who has a certificate for each kind of key."""
    turns = [leaf(), leaf(7, by="Other CA"), leaf(8, key="rsa")] * 5
    assert events_of(_handshakes(turns)).events == []


def test_other_names_and_other_servers_are_not_compared() -> None:
    frames = _handshakes([leaf()] * 4) + _handshakes([leaf(7, by="Other CA")] * 6, 100, server="10.0.0.3")
    frames += list(itertools.chain.from_iterable(
        shown(leaf(8, by="Third CA"), 200 + k, 200 + k, name=b"example.org") for k in range(6)
    ))
    assert events_of(frames).events == []

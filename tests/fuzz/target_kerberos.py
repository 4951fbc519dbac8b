"""Kerberos' messages, over UDP and TCP."""

from __future__ import annotations

from tests.exchanges.test_kerberos import AS_REQ, PROVED, TGS_REQ, error, framed, kdc_reply
from tests.fuzz.turns import converse, exchange, turns


def seeds() -> list[bytes]:
    """Requests with their replies; the first byte says over what."""
    return [
        b"\0" + turns(AS_REQ, error(25), PROVED, kdc_reply(11)), b"\0" + turns(TGS_REQ, kdc_reply(13)),
        b"\1" + turns(framed(TGS_REQ), framed(kdc_reply(13)), framed(AS_REQ), framed(error(6))),
    ]  # fmt: skip


def run(data: bytes) -> None:
    """Some datagrams, or a conversation."""
    (converse if data[:1] == b"\1" else exchange)(88, data[1:])

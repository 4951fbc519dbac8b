"""TLS: certificates that servers show when they do not hold, and which ones a service shows.

Certificates are in clear up to TLS 1.2. Whether one was changed can be told only by all shards together
(`pipeline.detect.anomalies.tls`): a service's conversations are in many.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pipeline.engine.anomalies.said_rows import SECOND, Row, Tally, is_of, server, service
from pipeline.engine.snapshot import Tree
from pipeline.schema.anomalies import ANOMALIES, Sighting

SHOWN = "tls-certificate-shown"
"""Observation: a service showed a leaf. Its value tells the issuer's organisation (or all of its name) and the kind
of key, by which renewals are known, and the subject."""

SHOWN_SPAN = 10 * SECOND
"""Handshakes of this time (ns) are told together."""

_EXPIRED = "tls-certificate-expired"
_EXPIRED_SPAN = ANOMALIES[_EXPIRED].suppression * SECOND

CLOCKS_DIFFER = 3600 * SECOND
"""By how much (ns) a sensor's clock may be wrong."""

CLOCK_IS_SET = 946_684_800 * SECOND
"""A capture of before the year 2000 is of a clock that was never set."""


class SaidTls:
    """Looks at rows of the record `tls_states`."""

    def __init__(self) -> None:
        self._tally = Tally()

    def row(self, name: str, row: Row, tick: int) -> None:
        """A row of the record `name`, behind the window tick `tick`."""
        if name != "tls_states" or "server" not in row.get("tls_certificate.sender", ()):
            return
        leaf = row["tls_certificate.sender"].index("server")
        subject, issuer = row["tls_certificate.subject"][leaf], row["tls_certificate.issuer"][leaf]
        begins, ends = row["tls_certificate.not_before"][leaf], row["tls_certificate.not_after"][leaf]
        if not ends:
            return
        time, frame = row["shoal.first_time"], row["shoal.first_frame"]
        asked = row.get("tls.handshake.extensions_server_name", "")
        entity = f"{service(row)} {asked}" if asked else service(row)
        shows = f"{is_of(server(row))} && tcp.port == {row.get('tcp.dstport', 0)} && tls.handshake.type == 11"
        key = f"{row['tls_certificate.key_type'][leaf]} {row['tls_certificate.key_size'][leaf]}"
        self._tally.add(Sighting(
            SHOWN, tick, frame, time, entity, filter=shows,
            value=json.dumps([row["tls_certificate.fingerprint"][leaf], _organisation(issuer), key, subject]),
        ), SHOWN_SPAN)  # fmt: skip
        if time < CLOCK_IS_SET or begins - CLOCKS_DIFFER <= time <= ends + CLOCKS_DIFFER:
            return
        wrong = f"expired on {_day(ends)}" if time > ends else f"is not valid before {_day(begins)}"
        self._tally.add(Sighting(
            _EXPIRED, tick, frame, time, entity, f"{entity} shows a certificate of {subject or 'nobody'} that {wrong}",
            shows,
        ), _EXPIRED_SPAN)  # fmt: skip

    def take(self) -> list[Sighting]:
        """What was seen since this was asked last."""
        return self._tally.take()

    def state(self) -> Tree:
        """All that is known."""
        return self._tally.state()

    def restore(self, state: Tree) -> None:
        """Know what `state` told."""
        self._tally.restore(state)


def _organisation(name: str) -> str:
    """The organisation of a name (RFC 4514), all of it where it has none: authorities sign with many keys in turn."""
    for part in name.split(","):
        if part.startswith("O="):
            return part[2:]
    return name


def _day(time: int) -> str:
    """The day of a time (ns since 1970)."""
    return datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%d")

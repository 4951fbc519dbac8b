"""Makes sinks of their configuration. What a kind needs is imported when one of it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from pipeline.detect.watch.config import SinkConfig, Table
from pipeline.detect.watch.sinks.http import TIMEOUT_SECONDS, Endpoint
from pipeline.detect.watch.sinks.sink import Sink
from pipeline.detect.watch.watch import Outlet


def _endpoint(table: Table, *, secret_url: bool = False) -> Endpoint:
    """Where a sink of HTTP is. A URL may be a secret itself, then it is given as one."""
    url = table.secret("url") if secret_url and not table.has("url") else table.text("url")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise table.fail("url", "is no URL as https://HOST[:PORT]/PATH")
    if parts.username or parts.password:
        raise table.fail("url", "a password does not stand in it; give token_env or token_file")
    token = table.secret("token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    ca = table.text("ca_file", "")
    return Endpoint(url, headers, table.seconds("timeout", TIMEOUT_SECONDS, 0.01, 300.0), ca)


def _webhook(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.webhook import Webhook

    return Webhook(_endpoint(table), table.secret("secret").encode())


KINDS: dict[str, Callable[[Table], Sink]] = {
    "webhook": _webhook,
}
"""Kind of a sink to what makes one."""


def make(sinks: Iterable[SinkConfig]) -> dict[str, Outlet]:
    """The sinks by name. Nothing is connected to. Raises ConfigError."""
    made: dict[str, Outlet] = {}
    for of in sinks:
        if of.type not in KINDS:
            raise of.own.fail("type", f"{of.type!r} is no kind of sink; there are {', '.join(KINDS)}")
        made[of.name] = Outlet(KINDS[of.type](of.own), of.wanted, of.retries)
        of.own.end()
    return made

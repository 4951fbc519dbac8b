"""Makes sinks of their configuration. What a kind needs is imported when one of it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
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


def _slack(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.slack import Slack

    return Slack(_endpoint(table, secret_url=True), table.text("channel", ""))


def _alertmanager(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.alertmanager import RESEND_SECONDS, Alertmanager

    endpoint = _endpoint(table)
    path = urlsplit(endpoint.url).path.rstrip("/")
    if not path.endswith("/api/v2/alerts"):
        endpoint = replace(endpoint, url=f"{endpoint.url.rstrip('/')}/api/v2/alerts")
    resend = table.seconds("resend", RESEND_SECONDS, 1.0, 3600.0)
    return Alertmanager(endpoint, resend, table.table("labels"))


def _mail(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.mail import TLS, Mail

    tls = table.one_of("tls", TLS, "starttls")
    to, sender = table.texts("to", ()), table.text("from")
    if not to or any("\n" in text or "\r" in text for text in (*to, sender)):
        raise table.fail("to", "addresses are needed, as in [\"oncall@example.org\"]")
    usual = {"starttls": 587, "tls": 465, "none": 25}[tls]
    user, password = table.text("user", ""), table.secret("password")
    if user and not password:
        raise table.fail("user", "a password is needed besides: give password_env or password_file")
    if user and tls == "none":
        raise table.fail("tls", "a password is not sent without TLS")
    return Mail(
        table.text("host"), table.number("port", usual, 1, 65535), sender, to, tls, user, password,
        table.seconds("timeout", 20.0, 0.01, 300.0), table.text("ca_file", ""),
    )


def _syslog(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.syslog import FACILITIES, TRANSPORTS, Syslog

    transport = table.one_of("transport", TRANSPORTS, "udp")
    where = {"path": table.text("path", "/dev/log")} if transport == "unix" else {"host": table.text("host")}
    port = 514 if transport == "unix" else table.number("port", 514, 1, 65535)
    facility = table.one_of("facility", FACILITIES, "daemon")
    return Syslog(transport, port=port, facility=facility, timeout=table.seconds("timeout", 10.0, 0.01, 300.0), **where)


def _kafka(table: Table) -> Sink:
    from pipeline.detect.watch.sinks.kafka import Kafka
    from pipeline.schema.topics import PREFIX, alerts, check_prefix

    try:
        topic = alerts(check_prefix(table.text("prefix", PREFIX)))
    except ValueError as error:
        raise table.fail("prefix", str(error)) from error
    return Kafka(table.text("brokers"), topic, table.seconds("timeout", 15.0, 0.01, 300.0))


KINDS: dict[str, Callable[[Table], Sink]] = {
    "webhook": _webhook, "alertmanager": _alertmanager, "slack": _slack, "email": _mail, "syslog": _syslog,
    "kafka": _kafka,
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

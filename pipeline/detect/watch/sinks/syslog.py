"""Syslog (RFC 5424), over UDP (RFC 5426), TCP with octet counting (RFC 6587) or a Unix socket."""

from __future__ import annotations

import datetime
import os
import re
import socket
from dataclasses import dataclass

from pipeline.detect.watch.notice import Notice, Shown
from pipeline.detect.watch.sinks.sink import Once, Unreached

TRANSPORTS = ("udp", "tcp", "unix")
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", *(f"local{n}" for n in range(8)),
)
"""By number (RFC 5424, table 1)."""
_SEVERITY = {"critical": 2, "warning": 4, "info": 6}
_NOTICE = 5
_MOST_DATAGRAM = 2048
# 32473 is the enterprise number that RFC 5612 reserves for examples: Shoal has none of its own.
_ID = "shoal@32473"
_NO_NAME = re.compile(r"[^!-~]")


def _value(text: str) -> str:
    r"""A parameter's value: '"', '\' and ']' are escaped (6.3.3)."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]").replace("\n", " ")


@dataclass(frozen=True, slots=True)
class Syslog(Once):
    """Sends a message for each alert of a notification. UDP does not say whether one came."""

    transport: str
    host: str = ""
    port: int = 514
    path: str = "/dev/log"
    facility: str = "daemon"
    timeout: float = 10.0

    def send(self, notice: Notice) -> None:
        """Raises Unreached."""
        messages = [self.message(notice, alert) for alert in notice.alerts]
        try:
            if self.transport == "tcp":
                with socket.create_connection((self.host, self.port), self.timeout) as sender:
                    sender.sendall(b"".join(b"%d %s" % (len(message), message) for message in messages))
                    sender.shutdown(socket.SHUT_WR)
                    # A server closes when it has read all; one that resets the connection has not.
                    while sender.recv(1024):
                        pass
            elif self.transport == "unix":
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                    sender.settimeout(self.timeout)
                    sender.connect(self.path)
                    for message in messages:
                        sender.send(message)
            else:
                family, kind, number, _, address = socket.getaddrinfo(
                    self.host, self.port, type=socket.SOCK_DGRAM
                )[0]
                with socket.socket(family, kind, number) as sender:
                    for message in messages:
                        sender.sendto(message[:_MOST_DATAGRAM], address)
        except OSError as error:
            where = self.path if self.transport == "unix" else f"{self.transport}://{self.host}:{self.port}"
            raise Unreached(f"syslog {where}: {error.strerror or error}") from error

    def message(self, notice: Notice, alert: Shown) -> bytes:
        """One message in UTF-8."""
        severity = _NOTICE if alert.state == "closed" else _SEVERITY[alert.severity]
        priority = FACILITIES.index(self.facility) * 8 + severity
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        host = _NO_NAME.sub("-", socket.gethostname())[:255] or "-"
        parameters = {
            "key": notice.key, "alert": alert.id, "thread": notice.thread, "event": notice.event,
            "state": alert.state, "rule": notice.rule, "kind": notice.kind, "entity": notice.entity,
            "sensor": alert.sensor, "severity": alert.severity, "opened": alert.opened, "closed": alert.closed,
            "filter": alert.filter,
        }
        data = " ".join(f'{name}="{_value(value)}"' for name, value in parameters.items() if value)
        rule = _NO_NAME.sub("-", notice.rule)[:32] or "-"
        said = " ".join(f"{notice.title}: {alert.said}".split())
        head = f"<{priority}>1 {now} {host} shoal {os.getpid()} {rule} [{_ID} {data}] "
        return head.encode() + b"\xef\xbb\xbf" + said.encode()

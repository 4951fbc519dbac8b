"""Prometheus Alertmanager: POST /api/v2/alerts (its api/v2/openapi.yaml, postableAlerts).

Alertmanager holds an alert to be over when it is past its end, so what is open is told again and again with an end some
way ahead, and what is closed with the end that it had. Its identity are its labels: they don't change in its life, and
each sensor's alert is one.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.detect.watch.notice import Notice, Shown
from pipeline.detect.watch.sinks.http import Endpoint

RESEND_SECONDS = 60.0
"""Prometheus itself tells again each minute."""
_ENDS_AFTER = 4
_MOST_VALUE = 4096


def _ahead(seconds: float) -> str:
    """A time from now, as RFC 3339 has it."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return now.isoformat().replace("+00:00", "Z")


@dataclass(slots=True)
class Alertmanager:
    """`endpoint` is that of /api/v2/alerts; `labels` are added to those of each alert."""

    endpoint: Endpoint
    resend: float = RESEND_SECONDS
    labels: Mapping[str, str] = field(default_factory=dict)

    def send(self, notice: Notice) -> None:
        """Raises Unreached and Refused."""
        self.remind([notice])

    def remind(self, notices: Sequence[Notice]) -> None:
        """Raises Unreached and Refused."""
        alerts = [self._alert(notice, alert) for notice in notices for alert in notice.alerts]
        if alerts:
            self.endpoint.post(json.dumps(alerts).encode(), {})

    def close(self) -> None:
        """Nothing is held."""

    def _alert(self, notice: Notice, alert: Shown) -> dict[str, object]:
        worst = ", ".join(f"{flow['flow']} ({flow['resent']} of {flow['segments']})" for flow in alert.worst)
        # Alertmanager takes an empty label for none.
        labels = {
            "alertname": notice.rule, "entity": notice.entity, "kind": notice.kind, "sensor": alert.sensor,
            "shoal_alert": alert.id, **self.labels,
        }
        annotations = {
            "summary": alert.said, "severity": alert.severity, "filter": alert.filter, "sql": alert.sql,
            "worst_flows": worst, "thread": notice.thread,
        }
        return {
            "labels": labels,
            "annotations": {name: value[:_MOST_VALUE] for name, value in annotations.items() if value},
            "startsAt": alert.opened,
            "endsAt": alert.closed if alert.state == "closed" else _ahead(_ENDS_AFTER * self.resend),
        }

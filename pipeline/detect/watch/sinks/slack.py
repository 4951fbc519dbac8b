"""Slack's incoming webhook, and what is compatible with it (Mattermost, Rocket.Chat, Discord's /slack).

https://api.slack.com/messaging/webhooks; its URL is a secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipeline.detect.watch.notice import Notice
from pipeline.detect.watch.sinks.http import Endpoint
from pipeline.detect.watch.sinks.sink import Once
from pipeline.detect.watch.sinks.words import when, worst

_COLORS = {"info": "#439fe0", "warning": "#daa038", "critical": "#d50200"}
_CLOSED = "#2eb886"
_MOST_TEXT = 2900
_MOST_ALERTS = 5


def _safe(text: str) -> str:
    """Text in which nothing is markup: https://api.slack.com/reference/surfaces/formatting#escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True)
class Slack(Once):
    """Posts a line of text, and an attachment with the evidence."""

    endpoint: Endpoint
    channel: str = ""

    def send(self, notice: Notice) -> None:
        """Raises Unreached and Refused."""
        self.endpoint.post(json.dumps(self.body(notice)).encode(), {})

    def body(self, notice: Notice) -> dict[str, Any]:
        """The message."""
        color = _CLOSED if notice.closed else _COLORS[notice.severity]
        blocks = [_section(_safe(notice.alerts[0].said))]
        for alert in notice.alerts[:_MOST_ALERTS]:
            lines = [f"*{_safe(alert.sensor)}*: {alert.state}, opened {when(alert.opened)}"]
            if alert.closed:
                lines.append(f"closed {when(alert.closed)}")
            lines += map(_safe, worst(alert))
            if alert.filter:
                lines.append(f"`{_safe(alert.filter.replace('`', ' '))}`")
            blocks.append(_section("\n".join(lines)))
        found: dict[str, Any] = {
            "text": _safe(notice.title),
            "attachments": [{"color": color, "fallback": _safe(notice.title), "blocks": blocks}],
        }
        return found | ({"channel": self.channel} if self.channel else {})


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_MOST_TEXT] or " "}}

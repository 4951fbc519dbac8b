"""A webhook: the notification as JSON, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from pipeline.detect.watch.notice import Notice
from pipeline.detect.watch.sinks.http import Endpoint
from pipeline.detect.watch.sinks.sink import Once

SIGNATURE = "Shoal-Signature"
TIMESTAMP = "Shoal-Timestamp"
KEY = "Idempotency-Key"
ATTEMPT = "Shoal-Attempt"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """`v1=` and HMAC-SHA256 (RFC 2104) in hex, over the timestamp, a full stop, and the body."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Webhook(Once):
    """POSTs each notification to a URL; without a secret it is not signed."""

    endpoint: Endpoint
    secret: bytes = b""

    def send(self, notice: Notice) -> None:
        """Raises Unreached and Refused."""
        body = json.dumps(notice.json, ensure_ascii=False).encode()
        headers = {KEY: notice.key, ATTEMPT: str(notice.attempt)}
        if self.secret:
            now = str(int(time.time()))
            headers |= {TIMESTAMP: now, SIGNATURE: sign(self.secret, now, body)}
        self.endpoint.post(body, headers)

"""One request of HTTP, for the sinks that speak it.

By urllib of the standard library: a sink has one request under way, and needs proxies (HTTPS_PROXY), TLS with
verification and timeouts, which it has; redirects are not followed.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from pipeline import __version__
from pipeline.detect.watch.sinks.sink import Refused, Unreached

TIMEOUT_SECONDS = 10.0
LONGEST_WAIT = 3600.0
_MOST_ANSWER = 64 << 10
_MOST_SAID = 200
_TRY_AGAIN = frozenset({408, 425, 429})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect what it is: an answer that is no success. It might lead to anyone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. `said` is how it is named in messages: without what the URL may hold in secrets."""

    url: str
    headers: Mapping[str, str]
    timeout: float = TIMEOUT_SECONDS
    ca: str = ""

    @property
    def said(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """POSTs; what is answered, its first 64 KiB. Raises Unreached and Refused."""
        own = {"Content-Type": "application/json", "User-Agent": f"shoal/{__version__}"}
        request = urllib.request.Request(self.url, body, {**own, **self.headers, **headers}, method="POST")
        try:
            with self._opener().open(request, timeout=self.timeout) as answer:
                return bytes(answer.read(_MOST_ANSWER))
        except urllib.error.HTTPError as error:
            raise self._status(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreached(f"{self.said}: {_reason(error)}") from error

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if urlsplit(self.url).scheme == "https":
            # Made anew for each request, so that a changed file of certificates holds; it takes some ms.
            context = ssl.create_default_context(cafile=self.ca or None)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    def _status(self, error: urllib.error.HTTPError) -> Exception:
        with error:
            text = ""
            with contextlib.suppress(OSError, http.client.HTTPException):
                text = " ".join(error.read(_MOST_ANSWER).decode(errors="replace").split())[:_MOST_SAID]
        said = f"{self.said} answers with {error.code}{f': {text}' if text else ''}"
        if error.code >= 500 or error.code in _TRY_AGAIN:
            asked = error.headers.get("Retry-After", "")
            return Unreached(said, min(float(asked), LONGEST_WAIT) if asked.isdecimal() else 0.0)
        if 300 <= error.code < 400:
            return Refused(f"{said}; redirects are not followed: give the URL that it leads to")
        return Refused(said)


def _reason(error: Exception) -> str:
    """Why a connection failed, in words."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    return (getattr(inner, "strerror", None) if isinstance(inner, OSError) else None) or str(inner) or repr(inner)

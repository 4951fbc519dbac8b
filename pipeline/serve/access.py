"""Who may ask, and who may write."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.serve.errors import AUTHENTICATION_FAILED, refused
from pipeline.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class Access:
    """User and password, both empty where anybody may ask; `read_write` lets those who may ask change data.

    `token` is known to processes of the same user on this machine alone; it opens everything. With `token_only` nothing
    else does.
    """

    user: str = ""
    password: str = ""
    read_write: bool = False
    token: str = ""
    token_only: bool = False

    def check(self, host: str) -> None:
        """Raises StoreError (exit code 2) where others than this machine could ask without a password."""
        if not _is_loopback(host) and not (self.user and self.password):
            raise StoreError(
                f"{host} can be reached from other machines: give --user and a password"
                " (--password or SHOAL_PASSWORD), or listen on 127.0.0.1", 2
            )

    def may_write(self, url: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Checks who asks; whether they may change data. Raises StoreError where they may not ask at all."""
        kind, _, said = headers.get("Authorization", "").partition(" ")
        if kind == "Bearer" and self.token and hmac.compare_digest(said.encode(), self.token.encode()):
            return True
        user, password = url.get("user", ""), url.get("password", "")
        if "X-ClickHouse-User" in headers:
            user, password = headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
        elif kind == "Basic":
            user, _, password = _decoded(said).partition(":")
        if self.token_only:
            pass
        elif not self.user:
            # ClickHouse's own default user without password.
            if user in ("", "default") and not password:
                return self.read_write
        elif _same(user, self.user) and _same(password, self.password):
            return self.read_write
        raise refused(
            "AUTHENTICATION_FAILED", AUTHENTICATION_FAILED,
            f"{user or 'default'}: Authentication failed: password is incorrect, or there is no user with such name.",
        )


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _decoded(said: str) -> str:
    try:
        return base64.b64decode(said, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

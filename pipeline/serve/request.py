"""A request's URL and headers, sorted into what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.schema.ddl import literal, quote
from pipeline.serve.errors import BAD_ARGUMENTS, refused
from pipeline.store.database import Database

# Parameters of the interface itself; every other one is a setting.
_OWN = frozenset({
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check", "user",
    "password", "compress", "decompress", "wait_end_of_query", "buffer_size", "client_protocol_version", "role",
    "quota_key", "stacktrace", "close_session",
})
# Settings that ClickHouse's own handler reads; chDB, which has none, need not hear of them.
_HANDLER = frozenset({
    "enable_http_compression", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
    "http_zlib_compression_level", "cancel_http_readonly_queries_on_client_close", "add_http_cors_header",
    "http_write_exception_in_output_format", "http_response_buffer_size", "async_insert", "wait_for_async_insert",
    "network_compression_method", "network_zstd_compression_level", "log_comment",
})
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_PARAM = "param_"
_EXTERNAL = re.compile(r"(\w+)_(format|types|structure)\Z")


@dataclass(slots=True)
class Asked:
    """What a request asks for besides its statement.

    `own` is the interface's, `settings` and `parameters` (values of `{name:Type}` in the statement) go to ClickHouse,
    `external` has what the URL tells of tables that come in a form's files: name to format, types or structure.
    """

    own: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    external: dict[str, dict[str, str]] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a parameter of the interface is on."""
        return self.own.get(name, "0").lower() not in ("0", "", "false")

    def number(self, name: str, default: int) -> int:
        """A parameter of the interface that is a count. Raises StoreError where it is none."""
        value = self.own.get(name, str(default))
        if not value.isdecimal():
            raise refused("BAD_ARGUMENTS", BAD_ARGUMENTS, f"{name}={value!r} is no number.")
        return int(value)

    def add(self, name: str, value: str, *, form: bool = False) -> None:
        """Sorts one pair; `form` where external tables may be described. Raises StoreError: no name of a setting."""
        if name in _OWN or name in _HANDLER:
            self.own[name] = value
        elif name.startswith(_PARAM):
            self.parameters[name.removeprefix(_PARAM)] = value
        elif form and (told := _EXTERNAL.match(name)):
            self.external.setdefault(told[1], {})[told[2]] = value
        elif _NAME.match(name):
            self.settings[name] = value
        else:
            raise refused("BAD_ARGUMENTS", BAD_ARGUMENTS, f"{name!r} is no name of a setting.")


def read_url(pairs: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> Asked:
    """Sorts the URL's pairs; headers stand in for what it doesn't name. Raises StoreError: no name of a setting."""
    asked = Asked()
    form = headers.get("Content-Type", "").lower().startswith("multipart/form-data")
    for name, value in pairs:
        asked.add(name, value, form=form)
    for header, name in (("X-ClickHouse-Database", "database"), ("X-ClickHouse-Format", "default_format")):
        if header in headers:
            asked.own.setdefault(name, headers[header])
    return asked


def prepare(database: Database, settings: Mapping[str, str], asked: Asked, left: Iterable[str] = ()) -> None:
    """Sets on a connection what a request asks for; `left` are settings that an earlier one has left.

    Raises StoreError: no such setting or database, or one that may not be set.
    """
    if name := asked.own.get("database"):
        database.query(f"USE {quote(name)}")
    pairs = [f"{name} = DEFAULT" for name in left]
    pairs += [f"{name} = {literal(value)}" for name, value in settings.items()]
    pairs += [f"{_PARAM}{name} = {literal(value)}" for name, value in asked.parameters.items() if _NAME.match(name)]
    if pairs:
        database.query("SET " + ", ".join(pairs))

"""A request's URL and headers, sorted into what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.schema.ddl import literal
from pipeline.serve.errors import BAD_ARGUMENTS
from pipeline.store.errors import StoreError

# Parameters of the interface itself; every other one is a setting.
_OWN = frozenset({
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check", "user",
    "password", "compress", "decompress", "wait_end_of_query", "buffer_size", "client_protocol_version", "role",
    "quota_key", "stacktrace", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "http_zlib_compression_level", "cancel_http_readonly_queries_on_client_close",
    "add_http_cors_header", "http_write_exception_in_output_format", "http_response_buffer_size", "async_insert",
    "wait_for_async_insert", "http_native_compression_disable_checksumming_on_decompress",
})
_SETTING = re.compile(r"[A-Za-z_]\w*\Z")
_PARAM = "param_"


@dataclass(slots=True)
class Asked:
    """What a request asks for besides its statement. `settings` go to ClickHouse, `own` are the interface's."""

    own: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a parameter of the interface is on."""
        return self.own.get(name, "0").lower() not in ("0", "", "false")


def read_url(pairs: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> Asked:
    """Sorts the URL's pairs; headers stand in for what it doesn't name. Raises StoreError: no name of a setting."""
    asked = Asked()
    for name, value in pairs:
        if name in _OWN:
            asked.own[name] = value
        elif name.startswith(_PARAM):
            asked.parameters[name.removeprefix(_PARAM)] = value
        elif _SETTING.match(name):
            asked.settings[name] = value
        else:
            raise StoreError(f"{name!r} is no name of a setting. (BAD_ARGUMENTS)", code=BAD_ARGUMENTS)
    for header, name in (("X-ClickHouse-Database", "database"), ("X-ClickHouse-Format", "default_format")):
        if header in headers:
            asked.own.setdefault(name, headers[header])
    return asked


def set_clause(settings: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """The `SET` statement of settings and of parameters for `{name:Type}`; "" where there is nothing to set."""
    pairs = [f"{name} = {literal(value)}" for name, value in settings.items()]
    pairs += [f"{_PARAM}{name} = {literal(value)}" for name, value in parameters.items() if _SETTING.match(name)]
    return "SET " + ", ".join(pairs) if pairs else ""

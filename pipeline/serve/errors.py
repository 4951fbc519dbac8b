"""Errors as ClickHouse's HTTP interface gives them: a code, a line of text, a status.

https://clickhouse.com/docs/interfaces/http, and `exceptionCodeToHTTPStatus` in ClickHouse's HTTPHandler for statuses.
"""

from __future__ import annotations

from pipeline.store.errors import StoreError

SYNTAX_ERROR = 62
BAD_ARGUMENTS = 36
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
UNKNOWN_FORMAT = 73
UNKNOWN_COMPRESSION_METHOD = 89
CANNOT_DECOMPRESS = 271
ABORTED = 236
AUTHENTICATION_FAILED = 516
ACCESS_DENIED = 497

_STATUS: dict[int, int] = {
    # The statement or a value in it can't be read.
    **dict.fromkeys((6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 72, 167, 168, 223, 321, 376, 456, 457, 489), 400),
    # It names what is not there.
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511), 404),
    **dict.fromkeys((192, 193, 194, 497, 516), 403),
    159: 408,
    48: 501,
    **dict.fromkeys((202, 209, 439), 503),
}


def status_of(code: int) -> int:
    """The HTTP status that goes with an error's code; 500 for those that ClickHouse doesn't tell apart."""
    return _STATUS.get(code, 500)


def body_of(error: StoreError, version: str) -> bytes:
    """The body of an answer that is an error, as ClickHouse writes it."""
    return f"Code: {error.code}. DB::Exception: {error} (version {version} (official build))\n".encode()

"""Errors as ClickHouse's HTTP interface gives them: a code, a line of text, a status.

https://clickhouse.com/docs/interfaces/http; statuses are those of ClickHouse's
src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
"""

from __future__ import annotations

from http import HTTPStatus

from pipeline.store.errors import StoreError

BAD_ARGUMENTS = 36
SYNTAX_ERROR = 62
NOT_IMPLEMENTED = 48
UNKNOWN_COMPRESSION_METHOD = 89
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
CANNOT_DECOMPRESS = 271
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
SETTING_CONSTRAINT_VIOLATION = 452
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516

_STATUS: dict[int, HTTPStatus] = {
    # The statement or a value in it can't be read.
    **dict.fromkeys(
        (
            6, 8, 15, 25, 26, 27, 36, 38, 41, 44, 45, 53, 62, 72, 117, 167, 168, 223, 321, 376, 427, 441, 675, 676,
        ),
        HTTPStatus.BAD_REQUEST,
    ),
    # It names what is not there.
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511), HTTPStatus.NOT_FOUND),
    **dict.fromkeys((192, 193, 497, 516), HTTPStatus.FORBIDDEN),
    194: HTTPStatus.UNAUTHORIZED,
    159: HTTPStatus.REQUEST_TIMEOUT,
    48: HTTPStatus.NOT_IMPLEMENTED,
    # Of these ClickHouse has 202 as an internal error, which clients do not repeat.
    **dict.fromkeys((76, 202, 209, 439), HTTPStatus.SERVICE_UNAVAILABLE),
}


def status_of(code: int) -> HTTPStatus:
    """The HTTP status that goes with an error's code; 500 for those that ClickHouse doesn't tell apart."""
    return _STATUS.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def refused(name: str, code: int, said: str) -> StoreError:
    """An error of ours in ClickHouse's manner: its name comes last, in parentheses."""
    return StoreError(f"{said} ({name})", code=code)


def text_of(error: StoreError, version: str) -> bytes:
    """The body of an answer that is an error, as ClickHouse writes it."""
    return f"Code: {error.code}. DB::Exception: {error} (version {version} (official build))\n".encode()


def block_of(text: bytes, tag: str) -> bytes:
    """An error that comes amid an answer: marked with `tag`, 16 letters that a header has told before."""
    mark = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (mark, text, len(text), mark)

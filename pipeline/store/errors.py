"""What goes wrong between Shoal and its database."""

from __future__ import annotations

import re

RETRYABLE_CODES = frozenset({
    # Of ClickHouse's src/Common/ErrorCodes.cpp, those of which the same request may succeed later.
    74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
    159,  # TIMEOUT_EXCEEDED
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED
    241,  # MEMORY_LIMIT_EXCEEDED
    242,  # TABLE_IS_READ_ONLY: a replica without its keeper
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    279,  # ALL_CONNECTION_TRIES_FAILED
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319,  # UNKNOWN_STATUS_OF_INSERT
    394,  # QUERY_WAS_CANCELLED
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK
    999,  # KEEPER_EXCEPTION
    1000,  # POCO_EXCEPTION
})
"""Codes of failures that pass; https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp"""


class StoreError(Exception):
    """One clear line: what, where, what to do. `exit_code` is what the `shoal` command ends with.

    `code` is ClickHouse's number of the error, 0 where it is not ClickHouse that failed. `retryable` says that the same
    request may succeed later (the network, an overload); an insert is repeated under the same token.
    """

    def __init__(self, message: str, exit_code: int = 1, *, code: int = 0, retryable: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.retryable = retryable or code in RETRYABLE_CODES


_LONGEST = 1000
_VERSION = re.compile(r" \(version [^()]*(?:\([^()]*\))?\)")
_CODE = re.compile(r"Code: (\d+)\.")


def error_code(message: str) -> int:
    """The number in ClickHouse's `Code: 60. DB::Exception: ...`; 0 where there is none."""
    found = _CODE.search(message)
    return int(found[1]) if found else 0


def clickhouse_error(message: str, doing: str = "") -> StoreError:
    """What ClickHouse said as an error of ours; `doing` comes before it."""
    return StoreError(doing + one_line(message), code=error_code(message))


def one_line(message: str) -> str:
    """ClickHouse's message without its preamble, stack and line breaks, the error's name last.

    `Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)` becomes
    `Table x does not exist. (UNKNOWN_TABLE)`.
    """
    text = message.partition("Code: ")[2] or message
    text = text.partition("DB::Exception: ")[2] or text
    text = " ".join(_VERSION.sub("", text.partition("Stack trace")[0]).split())
    # It may quote a whole statement; its start and the error's name say enough.
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 100]} ... {text[-100:]}"

"""What goes wrong between Shoal and its database."""

from __future__ import annotations


class StoreError(Exception):
    """One clear line: what, where, what to do. `exit_code` is what the `shoal` command ends with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


_LONGEST = 1000


def one_line(message: str) -> str:
    """ClickHouse's message without its preamble, stack and line breaks, the error's name last.

    `Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)` becomes
    `Table x does not exist. (UNKNOWN_TABLE)`.
    """
    text = message.partition("Code: ")[2] or message
    text = text.partition("DB::Exception: ")[2] or text
    text = " ".join(text.partition("Stack trace")[0].split())
    # It may quote a whole statement; its start and the error's name say enough.
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 100]} ... {text[-100:]}"

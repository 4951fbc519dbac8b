"""How `shoal` fails: one clear line, and an exit code that says what kind of failure it was."""

from __future__ import annotations

import os

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


class CommandError(Exception):
    """A command's failure in one clear line; `exit_code` is what `shoal` ends with."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def one_line(message: str) -> str:
    """A message without its line breaks."""
    return " ".join(message.split())


def os_error(error: OSError) -> str:
    """The system's message, with the file that it is about."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{where}{error.strerror or error}"

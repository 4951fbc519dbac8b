"""Text as a terminal may have it."""

from __future__ import annotations

import os


def shown(value: object) -> str:
    """A value as a terminal may have it. Names and entities come out of packets: what a terminal would take as commands
    (escape sequences, line breaks, marks that turn the direction of writing) is shown as `?`."""
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def one_line(message: str) -> str:
    """A message without its line breaks."""
    return " ".join(message.split())


def os_error(error: OSError) -> str:
    """The system's message, with the file that it is about."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{where}{error.strerror or error}"

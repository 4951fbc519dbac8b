"""Single values as text, as Wireshark spells them: fields of which few frames have one, and which are no columns."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Any

from pipeline.schema.shown import Form

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def printable(text: str) -> str:
    """A text of a frame as Wireshark shows it: control characters as their escapes."""
    return _CONTROL.sub(lambda m: _ESCAPES.get(ord(m[0]), f"\\{ord(m[0]):03o}"), text)


def spelled(form: Form, values: Sequence[Any]) -> list[str]:
    """The values of a field of `form`: str for texts, 16 bytes for `ipv6`, bytes for `bytes`, else int (times in ns).

    Raises TypeError for a form that single values have not.
    """
    name = form.name
    if name == "text":
        return [printable(form.spell(v) if form.spell else v) for v in values]
    if name == "hex":
        return [f"0x{v:0{form.digits}x}" for v in values]
    if name in ("dec", "signed"):
        return [str(int(v)) for v in values]
    if name == "ipv4":
        return [socket.inet_ntop(socket.AF_INET, v.to_bytes(4, "big")) for v in values]
    if name == "ipv6":
        return [socket.inet_ntop(socket.AF_INET6, v) for v in values]
    if name == "mac":
        return [v.to_bytes(6, "big").hex(":") for v in values]
    if name == "bytes":
        return [v.hex() or "<MISSING>" for v in values]
    if name == "seconds":
        return [f"{'-' if v < 0 else ''}{abs(v) // 1_000_000_000}.{abs(v) % 1_000_000_000:09d}" for v in values]
    if name == "word":
        return [form.words[min(v, len(form.words) - 1)] for v in values]
    raise TypeError(f"a single value is never of form {name}")

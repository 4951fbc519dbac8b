"""Names of messages (RFC 1035, section 4.1.4), spelled as Wireshark spells them, from bytes that may be anything."""

from __future__ import annotations

import unicodedata

ROOT = "<Root>"
LOOPS = "<Name contains a pointer that loops>"
TOO_LONG = "<Name too long>"
UNKNOWN_LABEL = "<Unknown extended label>"

MOST_CHARACTERS = 253
"""Of a name that is shown (RFC 1035, section 2.3.4)."""

MOST_POINTERS = 255
"""Of a name, before Wireshark calls it a loop."""

MOST_STEPS = 65_536
"""Labels of a message that are looked at, pointers followed: far more than a message without overlapping names has."""

KEPT = 4096
"""Spelled names that are remembered; all are forgotten at once when there are more."""

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# From the bytes of a name of plain labels, without its last zero, to its spelling: names come back.
_SPELLED: dict[bytes, str] = {}


class Fault(Exception):
    """The message can't be followed beyond this point; says why in a word or two."""


class Names:
    """Reads the names of one message, whose header is at `base`. `odd` says what was strange about one of them."""

    __slots__ = ("_steps", "_tails", "after", "base", "data", "known", "odd")

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.data = data
        self.base = base
        self.after = 0
        self.odd = ""
        # From where a pointer leads to the spelling of a name that is but this pointer.
        self.known: dict[int, str] = {}
        # From where a pointer leads to the labels from there on.
        self._tails: dict[int, bytes] = {}
        self._steps = 0

    def read(self, at: int) -> str:
        """The name at `at`; `after` is set to where it ends. Raises Fault."""
        data = self.data
        end = data.find(0, at)
        if end < 0:
            return self._walk(at)
        name = _SPELLED.get(data[at:end])
        if name is None:
            return self._walk(at)
        self.after = end + 1
        self.known[at - self.base] = name
        return name

    def _walk(self, start: int) -> str:
        data, at, after = self.data, start, -1
        size = len(data)
        labels: list[bytes] = []
        jumps: list[tuple[int, int]] = []
        counted = 0
        strange = False
        while True:
            self._steps += 1
            if at >= size:
                raise Fault("name cut")
            if self._steps > MOST_STEPS:
                raise Fault("names overlap")
            c = data[at]
            at += 1
            if c == 0:
                break
            if c < 64:
                if at + c > size:
                    raise Fault("name cut")
                counted += c + 1 if labels else c
                labels.append(data[at : at + c])
                at += c
            elif c >= 192:
                if at >= size:
                    raise Fault("name cut")
                target = (c & 63) << 8 | data[at]
                at += 1
                if after < 0:
                    after = at
                if self.base + target == at + 2 or len(jumps) >= MOST_POINTERS or any(t == target for t, _ in jumps):
                    return self._strange(LOOPS, "pointer loop", after)
                jumps.append((target, len(labels)))
                tail = self._tails.get(target)
                if tail is not None:
                    if tail:
                        counted += len(tail) + 1 if labels else len(tail)
                        labels.append(tail)
                    break
                at = self.base + target
            elif c == 65:
                strange = True
                text, at = _bits(data, at)
                # Wireshark writes these without counting them.
                labels.append(text)
            elif c < 128:
                if at - start < 2:
                    raise Fault("unknown label")
                return self._strange(UNKNOWN_LABEL, "unknown label", at)
            else:
                raise Fault("unknown label")
        if after < 0:
            after = at
        whole = _joined(labels) if strange else b".".join(labels)
        if not strange:
            self._keep(labels, jumps)
        return self._spell(start, after, whole, counted)

    def _spell(self, start: int, after: int, whole: bytes, counted: int) -> str:
        data, used = self.data, after - start
        if len(whole) > MOST_CHARACTERS:
            return self._strange(TOO_LONG, "name too long", after)
        self.after = after
        if used <= 2 and (not whole or whole[0] == 0):
            return ROOT
        if not counted:
            raise Fault("unknown label")
        text = spelled(whole[:counted])
        if whole[0]:
            self.known[start - self.base] = text
        if data[start] >= 192:
            self.known[(data[start] & 63) << 8 | data[start + 1]] = text
        elif counted == len(whole) and used == counted + 2:
            if len(_SPELLED) >= KEPT:
                _SPELLED.clear()
            if data.find(0, start) == after - 1:
                _SPELLED[data[start : after - 1]] = text
        return text

    def _strange(self, name: str, odd: str, after: int) -> str:
        self.odd = odd
        self.after = after
        return name

    def _keep(self, labels: list[bytes], jumps: list[tuple[int, int]]) -> None:
        for target, first in jumps:
            if target not in self._tails:
                self._tails[target] = b".".join(labels[first:])


def _bits(data: bytes, at: int) -> tuple[bytes, int]:
    """A bit string (RFC 2673), and where it ends."""
    if at >= len(data):
        raise Fault("name cut")
    bits = data[at]
    size = (bits - 1) // 8 + 1 if bits else 1
    if at + 1 + size > len(data):
        raise Fault("name cut")
    return b"\\[x%s/%d]" % (data[at + 1 : at + 1 + size].hex().encode(), bits), at + 1 + size


def _joined(labels: list[bytes]) -> bytes:
    """Labels, and bit strings, before which no point stands."""
    found = bytearray()
    for label in labels:
        if found and not label.startswith(b"\\[x"):
            found += b"."
        found += label
    return bytes(found)


def spelled(raw: bytes) -> str:
    """Bytes as Wireshark shows text that may be anything: UTF-8, what is not printable as its escape."""
    if raw.isascii():
        text = raw.decode("ascii")
        if text.isprintable():
            return text
        return "".join(_character(ord(c)) for c in text)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _mended(raw)
    if text.isprintable():
        return text
    return "".join(_character(ord(c)) for c in text)


def _character(code: int) -> str:
    if code < 0x80:
        return chr(code) if 0x20 <= code < 0x7F else _ESCAPES.get(code) or f"\\{code:03o}"
    # Line and paragraph separators, spaces and private characters are printed as they are.
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cn", "Cs"):
        return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
    return chr(code)


def _mended(raw: bytes) -> str:
    """Bytes that are no UTF-8: one replacement character for each sequence that is broken or names no character."""
    found: list[str] = []
    at, size = 0, len(raw)
    while at < size:
        lead = raw[at]
        at += 1
        if lead < 0x80:
            found.append(_character(lead))
            continue
        more = 1 if 0xC0 <= lead < 0xE0 else 2 if 0xE0 <= lead < 0xF0 else 3 if 0xF0 <= lead < 0xF8 else 0
        code = lead & (0x3F >> more) if more else -1
        while more and at < size and raw[at] & 0xC0 == 0x80:
            code = code << 6 | raw[at] & 0x3F
            at += 1
            more -= 1
        if code < 0 or more or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            found.append(_REPLACEMENT)
        else:
            # One spelled longer than it need be is shown by its number.
            found.append(f"\\u{code:04X}" if code < 0x80 else _character(code))
    return "".join(found)

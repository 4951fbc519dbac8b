"""Names of messages (RFC 1035, section 4.1.4), spelled as Wireshark spells them, from bytes that may be anything."""

from __future__ import annotations

import unicodedata

import cython

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

FAST = 60
"""Bytes of labels up to which names are read in one go."""

SHORT = 190
"""Characters of a name that may follow such labels without being too long together."""

KEPT = 4096
"""Spelled names that are remembered; all are forgotten at once when there are more."""

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
# Stands for the labels of a name that is too long.
_LONG = b"?" * (MOST_CHARACTERS + 1)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# From the bytes of plain labels to their spelling, without what follows them: names come back.
_SPELLED: dict[bytes, str] = {}


class Fault(Exception):
    """The message can't be followed beyond this point; says why in a word or two."""


@cython.cclass
class Names:
    """Reads the names of one message, whose header is at `base`. `odd` says what was strange about one of them.

    `known` has, from where a name begins, its spelling and where it ends: of names that are nothing strange.
    """

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.data = data
        self.base = base
        self.after = 0
        self.odd = ""
        self.known: dict[int, tuple[str, int]] = {}
        # From where a pointer leads to the labels from there on.
        self._tails: dict[int, bytes] = {}
        self._steps = 0

    def read(self, at: cython.Py_ssize_t) -> str:
        """The name at `at`; `after` is set to where it ends. Raises Fault."""
        data: bytes
        end: cython.Py_ssize_t
        furthest: cython.Py_ssize_t
        size: cython.Py_ssize_t
        target: cython.Py_ssize_t
        c: cython.Py_ssize_t
        found = self.known.get(at)
        if found is not None:
            self.after = found[1]
            return found[0]
        data = self.data
        size = len(data)
        end, furthest = at, min(size, at + FAST)
        c = 0
        while end < furthest:
            c = data[end]
            if c == 0 or c > 63:
                break
            end += c + 1
        if end >= furthest or 63 < c < 192:
            return self._walk(at)
        if c == 0:
            self.after = end + 1
            if end == at:
                return ROOT
            name = _SPELLED.get(data[at:end]) or _labels(data, at, end)
        else:
            if end + 1 >= size:
                raise Fault("name cut")
            target = self.base + ((c & 63) << 8 | data[end + 1])
            found = self.known.get(target)
            if found is None or target == end + 4 or len(found[0]) > SHORT or not found[0].isascii():
                return self._walk(at)
            self.after = end + 2
            if end == at:
                return found[0]
            name = f"{_SPELLED.get(data[at:end]) or _labels(data, at, end)}.{found[0]}"
        if data[at + 1]:
            self.known[at] = name, self.after
        return name

    def _walk(self, start: cython.Py_ssize_t) -> str:
        """As `read`, of any name: long ones, those with pointers to where no name was read, strange ones."""
        data: bytes
        at: cython.Py_ssize_t
        after: cython.Py_ssize_t
        size: cython.Py_ssize_t
        counted: cython.Py_ssize_t
        target: cython.Py_ssize_t
        c: cython.Py_ssize_t
        data, at, after = self.data, start, -1
        size = len(data)
        labels: list[bytes] = []
        # Where pointers lead, how many labels stood before, where the name there ends.
        jumps: list[list[int]] = []
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
                if jumps:
                    jumps[len(jumps) - 1][2] = at
                else:
                    after = at
                if self.base + target == at + 2 or len(jumps) >= MOST_POINTERS or any(j[0] == target for j in jumps):
                    return self._strange(LOOPS, "pointer loop", after)
                jumps.append([target, len(labels), 0])
                tail = self._tails.get(target)
                if tail is not None:
                    if tail:
                        counted += len(tail) + 1 if labels else len(tail)
                        labels.append(tail)
                    at = 0
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
        if jumps:
            jumps[len(jumps) - 1][2] = at
        else:
            after = at
        whole = _joined(labels) if strange else b".".join(labels)
        if jumps and not strange:
            self._keep(labels, jumps)
        return self._spell(start, after, whole, counted)

    def _spell(self, start: int, after: int, whole: bytes, counted: int) -> str:
        if len(whole) > MOST_CHARACTERS:
            return self._strange(TOO_LONG, "name too long", after)
        self.after = after
        if after - start <= 2 and (not whole or whole[0] == 0):
            return ROOT
        if not counted:
            raise Fault("unknown label")
        text = spelled(whole[:counted])
        # A pointer to a name that begins with a NUL is shown as the root.
        if whole[0]:
            self.known[start] = text, after
        return text

    def _strange(self, name: str, odd: str, after: int) -> str:
        self.odd = odd
        self.after = after
        return name

    def _keep(self, labels: list[bytes], jumps: list[list[int]]) -> None:
        """Keep to what pointers lead, from the last one on; of ends that are too long only that."""
        size, behind = 0, len(labels)
        for target, first, after in reversed(jumps):
            while behind > first and size <= MOST_CHARACTERS + 1:
                behind -= 1
                size += len(labels[behind]) + 1
            if target in self._tails:
                continue
            if size > MOST_CHARACTERS + 1:
                self._tails[target] = _LONG
                continue
            tail = self._tails[target] = b".".join(labels[first:])
            if after and tail and tail[0]:
                self.known[self.base + target] = spelled(tail), after


def _labels(data: bytes, at: int, end: int) -> str:
    """Plain labels from `at` to `end`, spelled."""
    raw = data[at:end]
    found = bytearray(raw)
    i = 0
    while i < len(raw):
        c = raw[i]
        found[i] = 46
        i += c + 1
    text = spelled(bytes(found)[1:])
    if raw[1]:
        # One that begins with a NUL is shown otherwise where a pointer leads to it.
        if len(_SPELLED) >= KEPT:
            _SPELLED.clear()
        _SPELLED[raw] = text
    return text


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
            # Controls that are spelled longer than they need be are shown by their number.
            found.append(f"\\u{code:04X}" if code < 0x20 or code == 0x7F else _character(code))
    return "".join(found)

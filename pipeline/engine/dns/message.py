"""One message (RFC 1035, section 4): header, questions, records of all sections, as far as they can be followed."""

from __future__ import annotations

import struct

import cython

from pipeline.engine.dns.names import Fault, Names

HEADER = 12

RESPONSE = 0x8000
"""Of the flags: the message is a response."""

_HEAD = struct.Struct(">6H").unpack_from
_QUESTION = struct.Struct(">HH").unpack_from
_RECORD = struct.Struct(">HHIH").unpack_from

ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2
SECTIONS = ("answer", "authority", "additional")
"""The names of sections of records, by number."""

Question = tuple[str, int, int]
"""Name, type, class."""

Record = tuple[int, str, int, int, int, int, int]
"""Section, owner's name, type, class, time to live (s), where its data begin, and how long they are."""


@cython.cclass
class Message:
    """What was read of a message. `fault` says why not all of it, `names` reads names in its data; `answered` is where
    the questions end."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.names = Names(data, base)
        self.ident = 0
        self.flags = 0
        self.counts: tuple[int, ...] = ()
        self.questions: list[Question] = []
        self.records: list[Record] = []
        self.answered = 0
        self.fault = ""


def read_message(data: bytes, base: cython.Py_ssize_t = 0) -> Message | None:
    """The message whose header begins at `base` and which ends with `data`; None where not even the flags are there.

    Of one that is cut or wrong there is what stands before the fault. A record whose data are cut is the last one.
    """
    at: cython.Py_ssize_t
    size: cython.Py_ssize_t = len(data)
    found: Message = Message(data, base)
    if size < base + HEADER:
        return _head_cut(found, data, base)
    found.ident, found.flags, questions, answers, authorities, additional = _HEAD(data, base)
    found.counts = questions, answers, authorities, additional
    names: Names = found.names
    at = base + HEADER
    try:
        for _ in range(questions):
            name = names.read(at)
            at = names.after + 4
            if at > size:
                found.fault = "question cut"
                return found
            kind, klass = _QUESTION(data, at - 4)
            found.questions.append((name, kind, klass))
        found.answered = at
        known: dict[int, tuple[str, int]] = names.known
        records: list[Record] = found.records
        for section in range(3):
            for _ in range(found.counts[section + 1]):
                if at + 1 < size and data[at] >= 192:
                    before = known.get(base + ((data[at] & 63) << 8 | data[at + 1]))
                else:
                    before = None
                if before is None:
                    owner = names.read(at)
                    at = names.after + 10
                else:
                    owner = before[0]
                    at += 12
                if at > size:
                    found.fault = "record cut"
                    return found
                kind, klass, ttl, length = _RECORD(data, at - 10)
                records.append((section, owner, kind, klass, ttl, at, length))
                at += length
                if at > size:
                    found.fault = "data cut"
                    return found
    except Fault as fault:
        found.fault = str(fault)
    return found


def _head_cut(found: Message, data: bytes, base: int) -> Message | None:
    if len(data) < base + 4:
        return None
    found.ident, found.flags = _QUESTION(data, base)
    found.counts = tuple(
        int.from_bytes(data[at : at + 2], "big") for at in range(base + 4, len(data) - 1, 2)
    )
    found.fault = "header cut"
    return found

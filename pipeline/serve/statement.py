"""Just enough of ClickHouse's SQL to know what to do with a statement: its kind, its format, where its data begins.

ClickHouse itself parses and judges it; a word that is misread here leads to its error, not to another statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|(?P<tag>\$\w*\$).*?(?P=tag))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)

HEAD = 262_144
"""Bytes of a body in which an INSERT's data must have begun: ClickHouse's default `max_query_size`."""

READS = frozenset({b"SELECT", b"WITH", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK"})
"""First words of statements that only read."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word, literal or sign, and where it stands."""

    kind: str
    text: bytes
    start: int
    end: int

    def is_word(self, *words: bytes) -> bool:
        """Whether it is one of `words`, which are in capitals."""
        return self.kind == "word" and self.text.upper() in words

    @property
    def name(self) -> str:
        """What a word or a quoted identifier names; "" for anything else."""
        if self.kind == "word":
            return self.text.decode()
        return self.text[1:-1].decode(errors="replace") if self.text[:1] in (b"`", b'"') else ""


def tokens(sql: bytes) -> Iterator[Token]:
    """The tokens of `sql` but for space and comments."""
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup or ""
        # The tag of a heredoc is a group of its own within the literal.
        kind = "quoted" if kind == "tag" else kind
        if kind != "space":
            yield Token(kind, found[0], found.start(), found.end())


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it goes to ClickHouse.

    `verb` is its first word in capitals, "" where it doesn't begin with one. `format` is what it names itself, "" for
    none. `data` is where the data of an INSERT begin, -1 for a statement without. `several` tells that another
    statement follows, `outfile` that its answer goes to a file.
    """

    sql: str
    verb: bytes
    format: str = ""
    data: int = -1
    several: bool = False
    outfile: bool = False


def read_insert(sql: bytes) -> Statement | None:
    """The INSERT whose data come in its FORMAT at the end of `sql` or after; None for any other statement.

    `sql` of the result is the part before FORMAT or VALUES.
    """
    depth = 0
    first = True
    stream = tokens(sql)
    for token in stream:
        if first:
            if not token.is_word(b"INSERT"):
                return None
            first = False
        elif token.text in (b"(", b"["):
            depth += 1
        elif token.text in (b")", b"]"):
            depth -= 1
        elif depth:
            continue
        elif token.is_word(b"SELECT", b"WITH", b"WATCH", b"INFILE"):
            return None
        elif token.is_word(b"VALUES"):
            return Statement(_text(sql[: token.start]), b"INSERT", "Values", token.end)
        elif token.is_word(b"FORMAT"):
            named = next(stream, None)
            if named is None or named.kind != "word":
                return None
            if named.is_word(b"VALUES"):
                return Statement(_text(sql[: token.start]), b"INSERT", "Values", named.end)
            return Statement(_text(sql[: token.start]), b"INSERT", named.text.decode(), _data(sql, named.end))
    return None


def read_statement(sql: bytes) -> Statement:
    """Any statement without data, without the semicolon at its end."""
    named, several, outfile = "", False, False
    depth = 0
    end = len(sql)
    stream = list(tokens(sql))
    while stream and stream[-1].text == b";":
        end = stream.pop().start
    begins = next((token for token in stream if token.text != b"("), None)
    verb = begins.text.upper() if begins is not None and begins.kind == "word" else b""
    for at, token in enumerate(stream):
        if token.text in (b"(", b"["):
            depth += 1
        elif token.text in (b")", b"]"):
            depth -= 1
        elif token.text == b";":
            several = True
        elif not depth and token.is_word(b"OUTFILE") and at and stream[at - 1].is_word(b"INTO"):
            outfile = True
        elif not depth and token.is_word(b"FORMAT") and at + 1 < len(stream):
            rest = stream[at + 1 : at + 3]
            # A column may bear the name: only at the end, or before SETTINGS, it is the clause.
            if rest[0].kind == "word" and (len(rest) == 1 or rest[1].is_word(b"SETTINGS")):
                named = rest[0].text.decode()
    return Statement(_text(sql[:end]), verb, named, -1, several, outfile)


def _data(sql: bytes, at: int) -> int:
    """Where data begin after a format's name: after spaces and one line break."""
    while at < len(sql) and sql[at : at + 1] in (b" ", b"\t", b"\f"):
        at += 1
    if sql[at : at + 1] == b"\r":
        at += 1
    if sql[at : at + 1] == b"\n":
        at += 1
    return at


def _text(sql: bytes) -> str:
    # What is no UTF-8 comes back as ClickHouse's complaint.
    return sql.decode("utf-8", "replace")

"""What may run for those who may only read.

ClickHouse's `readonly = 2` keeps tables as they are, but an embedded ClickHouse is as mighty as the process that it is
in: it reads and writes files of the machine and opens connections for whoever can ask it, even by a table's name
(``FROM `/etc/passwd` ``). So a statement that only reads is told by its first word, and what reaches out of the
database is refused by name. ClickHouse's own `formatQuery` spells the statement anew before (no comments, no odd spaces
or quotes), so that nothing hides.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Mapping

from pipeline.schema.ddl import literal
from pipeline.serve.errors import (
    ACCESS_DENIED,
    BAD_ARGUMENTS,
    INTO_OUTFILE_NOT_ALLOWED,
    READONLY,
    SETTING_CONSTRAINT_VIOLATION,
    refused,
)
from pipeline.serve.statement import READS, Token, tokens
from pipeline.store.database import Database
from pipeline.store.errors import StoreError

# Table functions that stay within the database; each other one, also of a later version, is refused.
_WITHIN = frozenset({
    "dictionary", "format", "fuzzjson", "fuzzquery", "generate_series", "generaterandom", "generateseries", "input",
    "merge", "mergetreeanalyzeindexes", "mergetreeanalyzeindexesuuid", "mergetreecodecblockcounts", "mergetreeindex",
    "mergetreeprojection", "mergetreetextindex", "null", "numbers", "numbers_mt", "primes", "sqlstandardvalues",
    "timeseriesdata", "timeseriesmetrics", "timeseriestags", "values", "view", "viewexplain", "viewifpermitted",
    "zeros", "zeros_mt",
})
# Functions of rows that reach out.
_OUTWARD = frozenset({"file", "catboostevaluate", "addresstoline", "addresstolinewithinlines", "addresstosymbol"})
# Settings that name files.
_OUTWARD_SETTINGS = frozenset({
    "format_schema", "format_schema_source", "format_template_resultset", "format_template_row",
    "format_schema_message_name",
})
_BRACES = re.compile(r"\{[^}]*\}")


class Guard:
    """Tells statements that read the database from all others."""

    def __init__(self, bounds: Mapping[str, int]) -> None:
        """`bounds`: settings that may be lowered only."""
        self._bounds = bounds
        self._refused: frozenset[str] = _OUTWARD

    def start(self, database: Database) -> None:
        """Asks the database which table functions it has."""
        names = database.query("SELECT lower(name) FROM system.table_functions").decode().split()
        self._refused = _OUTWARD | (frozenset(names) - _WITHIN)

    def check(self, database: Database, sql: str) -> None:
        """Raises StoreError where `sql` does more than to read the database, or is no SQL."""
        spelled = database.query(f"SELECT formatQuery({literal(sql)})", "RawBLOB")
        words = list(tokens(spelled))
        first = next((token for token in words if token.kind == "word"), None)
        if first is None or not first.is_word(*READS, b"USE", b"SET"):
            raise refused("READONLY", READONLY, "default: Cannot execute query in readonly mode.")
        # SELECT ... PARALLEL WITH INSERT ...: any statement may stand in the middle.
        if any(a.is_word(b"PARALLEL") and b.is_word(b"WITH") for a, b in itertools.pairwise(words)):
            raise refused("READONLY", READONLY, "default: Cannot execute PARALLEL WITH in readonly mode.")
        self._check_words(database, words)

    def check_columns(self, database: Database, create: str) -> None:
        """Raises StoreError where a table's columns, as a request describes them, do more than that."""
        spelled = database.query(f"SELECT formatQuery({literal(create)})", "RawBLOB")
        words = list(tokens(spelled))
        if sum(word.is_word(b"ENGINE") for word in words) != 1 or any(word.is_word(b"SELECT", b"AS") for word in words):
            raise refused("BAD_ARGUMENTS", BAD_ARGUMENTS, "These are no columns of a table.")
        self._check_words(database, words)

    def check_settings(self, settings: Mapping[str, str]) -> None:
        """Raises StoreError where a setting names a file, or would let a reader write."""
        for name, value in settings.items():
            if name in _OUTWARD_SETTINGS:
                raise _denied(f"setting {name}")
            self._check_bound(name, value)
            if name == "readonly" and value not in ("1", "2"):
                raise refused("READONLY", READONLY, "Cannot modify 'readonly' setting in readonly mode.")

    def _check_bound(self, name: str, value: str) -> None:
        most = self._bounds.get(name)
        # 0 is for no bound.
        if most is not None and not (value.isdecimal() and 0 < int(value) <= most):
            raise refused(
                "SETTING_CONSTRAINT_VIOLATION", SETTING_CONSTRAINT_VIOLATION,
                f"Setting {name} shouldn't be greater than {most}.",
            )

    def _check_words(self, database: Database, words: list[Token]) -> None:
        end = Token("other", b"", 0, 0)
        for token, follows, value in zip(words, [*words[1:], end], [*words[2:], end, end], strict=False):
            if token.is_word(b"OUTFILE", b"INFILE") and follows.kind == "quoted":
                raise refused("INTO_OUTFILE_NOT_ALLOWED", INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed.")
            name = token.name
            if not name:
                continue
            if follows.text == b"(":
                if name.lower() in self._refused:
                    raise _denied(f"{name}()")
            elif name in _OUTWARD_SETTINGS:
                raise _denied(f"setting {name}")
            elif name in self._bounds and follows.text == b"=":
                self._check_bound(name, value.text.decode())
            elif _is_file(name) and not _is_table(database, name):
                raise _denied(f"`{name}` is a file and")


def _is_file(name: str) -> bool:
    """Whether ClickHouse would open a file for a table of this name; it knows patterns."""
    if name.startswith(("/", "~")) or "://" in name:
        return True
    path = name.partition("::")[0].strip()
    if not any(sign in path for sign in "*?{["):
        return os.path.isfile(path)
    return any(os.path.isfile(found) for found in glob.iglob(_BRACES.sub("*", path), recursive=True))


def _is_table(database: Database, name: str) -> bool:
    found = database.query(f"SELECT count() FROM system.tables WHERE name = {literal(name)}")
    return found.strip() != b"0"


def _denied(what: str) -> StoreError:
    return refused(
        "ACCESS_DENIED", ACCESS_DENIED,
        f"default: Not enough privileges. {what} reaches out of the database, which is served read-only.",
    )

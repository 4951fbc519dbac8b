"""Rules from files: TOML, a table `[rule.NAME]` for each, checked key by key.

A file adds rules to the built-in ones; a table with the name of a built-in one changes its keys.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Any

from pipeline.detect.rules.declared import BY_KEY, KEYS, NEEDED, WINDOWED, Rule
from pipeline.detect.rules.expression import Expression
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.anomalies import ANOMALIES

BUILTIN = Path(__file__).with_name("builtin.toml")
"""The rules that are shipped."""
MOST_RULES = 500
"""Rules in force: each costs time at each window."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SELECT = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_EITHER = ("threshold", "ratio", "change")


class RuleError(Exception):
    """What is wrong in a file of rules, in one line: file, rule, key, what is allowed."""

    exit_code = 2


Rules = tuple[Rule, ...]
"""Rules in force, built-in ones first, each name once."""


def load_rules(path: str | Path | None = None) -> Rules:
    """The built-in rules, and those of the file `path`, which may change built-in ones. Raises RuleError, OSError."""
    tables = _tables(BUILTIN)
    where = dict.fromkeys(tables, BUILTIN.name)
    if path is not None:
        given = _tables(Path(path))
        for name, table in given.items():
            where[name] = str(path)
            known = tables.get(name, {})
            # Another kind is another rule: it takes nothing over but the name.
            tables[name] = (known | table) if table.get("kind", known.get("kind")) == known.get("kind") else table
    if len(tables) > MOST_RULES:
        raise RuleError(f"{path}: {len(tables)} rules; at most {MOST_RULES} are in force")
    read = {name: _rule(where[name], name, table) for name, table in tables.items()}
    return tuple(rule for name, rule in read.items() if tables[name].get("enabled", True))


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise RuleError(f"{path}: not UTF-8 text; rules are a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{path}: not TOML: {error}") from None
    other = [name for name in data if name != "rule"]
    if other:
        raise RuleError(f"{path}: '{other[0]}' stands outside of a rule; a rule is a table [rule.NAME]")
    tables = data.get("rule", {})
    if not isinstance(tables, dict):
        raise RuleError(f"{path}: a rule is a table [rule.NAME]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise RuleError(f"{path}: rule.{name} is no table; a rule is a table [rule.NAME]")
        if not _NAME.fullmatch(name):
            raise RuleError(f"{path}: rule '{name}': a name is of a-z, 0-9 and -, up to 63 characters")
        if name in ANOMALIES:
            raise RuleError(f"{path}: rule '{name}': that is the name of an anomaly; choose another")
    return tables


def _rule(where: str, name: str, table: dict[str, Any]) -> Rule:
    def wrong(said: str) -> RuleError:
        return RuleError(f"{where}: rule '{name}': {said}")

    given: dict[str, Any] = {}
    kind = table.get("kind")
    if kind is None:
        raise wrong(f"key 'kind' is missing; it is one of {', '.join(NEEDED)}")
    for key, value in table.items():
        known = BY_KEY.get(key)
        if known is None or (key != "kind" and kind in NEEDED and kind not in known.kinds):
            taken = [k.name for k in KEYS if kind in k.kinds or kind not in NEEDED]
            near = difflib.get_close_matches(key, taken, n=1)
            meant = f"; did you mean {near[0]}?" if near and near[0] != key else f"; it takes {', '.join(taken)}"
            raise wrong(f"key '{key}' is none of a {kind} rule{meant}")
        try:
            given[key] = known.check(value)
        except ValueError as error:
            said = str(error)
            raise wrong(f"key '{key}': {said if said.startswith(chr(39)) else f'{_shown(value)} {said}'}") from None
    for key in ("meaning", *NEEDED[kind]):
        if key not in given:
            raise wrong(f"key '{key}' is missing: {BY_KEY[key].meaning[0].lower()}{BY_KEY[key].meaning[1:]}")
    if kind in _EITHER and ("above" in given) == ("below" in given):
        raise wrong("one of the keys 'above' and 'below' is needed, and not both")
    if kind == "sql" and not _SELECT.match(given["sql"]):
        raise wrong("key 'sql': only a SELECT (or WITH ... SELECT) can be a rule")
    return _made(name, given, wrong)


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _made(name: str, given: dict[str, Any], wrong: Any) -> Rule:
    """The rule of keys that are each right by itself. Raises RuleError where they don't fit each other."""
    falls = "below" in given
    limit = given.get("below", given.get("above", 0.0))
    side = -1 if falls else 1
    close = given.get("close_at", limit)
    if side * close > side * limit:
        raise wrong(f"key 'close_at': {close:g} is beyond the limit {limit:g}: it would close while it is raised")
    if given.get("confidence") and falls:
        raise wrong("key 'confidence' goes with 'above' alone")
    if given.get("sigmas") and falls:
        raise wrong("key 'sigmas' goes with 'above' alone")
    lowest = SEVERITIES.index(given.get("severity", "warning"))
    severities = tuple((word, given[word]) for word in SEVERITIES[1:] if word in given)
    for word, at in severities:
        if SEVERITIES.index(word) <= lowest:
            raise wrong(f"key '{word}': the severity is {SEVERITIES[lowest]} at the least; set 'severity' lower")
        if side * at < side * limit:
            raise wrong(f"key '{word}': {at:g} is reached before the limit {limit:g}")
    numbers = [given[key] for key in ("value", "numerator", "denominator") if key in given]
    of: list[Expression] = [*numbers, *(e for e, _ in given.get("minimum", ()))]
    passed = {
        key: given[key] for key in (
            "kind", "meaning", "entities", "only", "window", "severity", "value", "numerator", "denominator",
            "confidence", "with_previous", "minimum", "against", "sigmas", "learn", "weight", "open_after",
            "close_after", "group", "unless", "unless_sensor", "seconds", "sql", "every", "timeout", "rows",
        ) if key in given
    }  # fmt: skip
    if not math.isfinite(limit):
        raise wrong("its limit is no number")
    assert given["kind"] in (*WINDOWED, "absence", "sql")
    return Rule(
        name=name, severities=severities, limit=limit, close_limit=close, falls=falls,
        columns=tuple(dict.fromkeys(c for e in of for c in e.columns)), **passed,
    )  # fmt: skip

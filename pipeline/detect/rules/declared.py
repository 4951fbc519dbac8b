"""What a rule is, and every key that one is written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.detect.rules.expression import Condition, Expression, condition, expression
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.windows import KINDS, SIZES_SECONDS

RULE_KINDS: dict[str, str] = {
    "threshold": "a value is above (or below) a limit",
    "ratio": "of two counts, the share of one in the other is above (or below) a limit",
    "change": "a value is so many times that of the windows before",
    "baseline": "a value is far above what was learnt of the entity",
    "absence": "an entity that had windows has none any more",
    "sql": "a statement that runs on a schedule gives rows",
}
"""Kinds of rules, and when each raises."""
WINDOWED = ("threshold", "ratio", "change", "baseline")
"""Kinds that judge each window by a figure."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as read. Limits are of its figure: `threshold`, `baseline` the value; `ratio` the share; `change` how many
    times the mean of the windows before. Keys that its kind does not take have their defaults here."""

    name: str
    kind: str
    meaning: str
    entities: tuple[str, ...] = ("service",)
    only: tuple[str, ...] = ()
    window: int = SIZES_SECONDS[0]
    severity: str = "warning"
    severities: tuple[tuple[str, float], ...] = ()
    value: Expression | None = None
    numerator: Expression | None = None
    denominator: Expression | None = None
    limit: float = 0.0
    close_limit: float = 0.0
    falls: bool = False
    """Raised below the limit instead of above it."""
    confidence: float = 0.0
    with_previous: bool = False
    minimum: tuple[tuple[Expression, float], ...] = ()
    against: int = 1
    sigmas: float = 0.0
    learn: int = 30
    weight: float = 0.05
    open_after: int = 1
    close_after: int = 3
    group: bool = True
    unless: tuple[Condition, ...] = ()
    unless_sensor: tuple[Condition, ...] = ()
    seconds: int = 0
    sql: str = ""
    every: int = 60
    timeout: int = 10
    rows: int = 100
    columns: tuple[str, ...] = field(default=())
    """The columns of windows that it reads, in the order in which it names them."""

    @property
    def additive(self) -> bool:
        """Whether its figure can be told of conversations too: then what an alert explains is taken out of others."""
        of = [e for e in (self.value, self.numerator, self.denominator, *(e for e, _ in self.minimum)) if e is not None]
        return self.kind in ("threshold", "ratio") and bool(of) and all(e.additive for e in of)

    @property
    def learns(self) -> bool:
        """Whether it keeps something of each entity from window to window."""
        return self.kind in ("change", "baseline", "absence") or self.sigmas > 0 or self.with_previous


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A check: a whole number in that range."""

    def check(given: Any) -> int:
        if type(given) is not int or not least <= given <= most:
            raise ValueError(f"is not a whole number from {least} to {most}")
        return given

    return check


def number(least: float, most: float) -> Callable[[Any], float]:
    """A check: a number in that range."""

    def check(given: Any) -> float:
        # Written so that NaN does not pass.
        if type(given) not in (int, float) or not least <= given <= most:
            raise ValueError(f"is not a number from {least:g} to {most:g}")
        return float(given)

    return check


def one_of(*words: Any) -> Callable[[Any], Any]:
    """A check: one of `words`."""

    def check(given: Any) -> Any:
        if not any(given == word and type(given) is type(word) for word in words):
            raise ValueError(f"is none of {', '.join(map(str, words))}")
        return given

    return check


def some_of(*words: str) -> Callable[[Any], tuple[str, ...]]:
    """A check: a list of some of `words`."""

    def check(given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not given or any(word not in words for word in given):
            raise ValueError(f"is no list of some of {', '.join(words)}")
        return tuple(dict.fromkeys(given))

    return check


def text(most: int) -> Callable[[Any], str]:
    """A check: a text that is not empty."""

    def check(given: Any) -> str:
        if not isinstance(given, str) or not given.strip() or len(given) > most:
            raise ValueError(f"is no text of 1 to {most} characters")
        return given.strip()

    return check


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(of, str) for of in given):
        raise ValueError("is no list of texts")
    return tuple(given)


def _expression(given: Any) -> Expression:
    return expression(text(1000)(given))


def _conditions(given: Any) -> tuple[Condition, ...]:
    return tuple(condition(of) for of in _texts(given))


def _minimum(given: Any) -> tuple[tuple[Expression, float], ...]:
    if not isinstance(given, dict):
        raise ValueError('is no table of columns and their least values, as { "shoal.segments" = 100 }')
    return tuple((expression(of), number(-1e18, 1e18)(least)) for of, least in given.items())


def _only(given: Any) -> tuple[str, ...]:
    from pipeline.detect.rules.entities import parse_only

    for of in _texts(given):
        parse_only(of)
    return tuple(given)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a rule's file: what it means, how a value is checked (raises ValueError), which kinds take it."""

    name: str
    meaning: str
    check: Callable[[Any], Any]
    kinds: tuple[str, ...] = tuple(RULE_KINDS)


_EVENTS = tuple(kind for kind in RULE_KINDS if kind != "sql")
KEYS: tuple[Key, ...] = (
    Key("kind", "What it judges: " + ", ".join(RULE_KINDS), one_of(*RULE_KINDS)),
    Key("meaning", "What is wrong when it raises, in a few words", text(200)),
    Key("enabled", "`false` switches it off", one_of(True, False)),
    Key("severity", "Of an alert, at the least: " + ", ".join(SEVERITIES) + " (`warning`)", one_of(*SEVERITIES)),
    Key("entities", "Whose windows: " + ", ".join(KINDS) + " (`service`)", some_of(*KINDS), _EVENTS),
    Key("only", "These alone: addresses, networks, `address:port`", _only, _EVENTS),
    Key("window", "Length of the windows, 10 or 60 seconds (10)", one_of(*SIZES_SECONDS), _EVENTS),
    Key("value", "Expression of columns of `windows`", _expression, ("threshold", "change", "baseline")),
    Key("numerator", "Expression that counts what is part of the denominator", _expression, ("ratio",)),
    Key("denominator", "Expression that counts all", _expression, ("ratio",)),
    Key("above", "Raised from this figure on; of `baseline`, the least value that is raised", number(-1e18, 1e18),
        WINDOWED),
    Key("below", "Raised from this figure down, instead of `above`", number(-1e18, 1e18),
        ("threshold", "ratio", "change")),
    Key("warning", "The figure from which it is a warning", number(-1e18, 1e18), WINDOWED),
    Key("critical", "The figure from which it is critical", number(-1e18, 1e18), WINDOWED),
    Key("confidence", "The share counts as the least that its counts allow, with this confidence (Wilson's bound)",
        number(0.5, 0.9999), ("ratio",)),
    Key("with_previous", "`true` judges a window also together with the one before", one_of(True, False), ("ratio",)),
    Key("minimum", "Least values that a window needs to be judged: { EXPRESSION = NUMBER }", _minimum, WINDOWED),
    Key("against", "How many windows before make the mean (1)", whole(1, 60), ("change",)),
    Key("sigmas", "So many standard deviations above what was learnt", number(0.1, 100), ("ratio", "baseline")),
    Key("learn", "Windows after which something is learnt (30)", whole(2, 10_000), ("ratio", "baseline")),
    Key("weight", "What a new window weighs in what is learnt (0.05)", number(0.0001, 0.5), ("ratio", "baseline")),
    Key("open_after", "So many windows in a row open an alert (1)", whole(1, 360), WINDOWED),
    Key("close_after", "So many good windows in a row close it (3)", whole(1, 360), WINDOWED),
    Key("close_at", "A window is good on the other side of this figure (that of `above` or `below`)",
        number(-1e18, 1e18), WINDOWED),
    Key("group", "`false` gives each entity an alert of its own", one_of(True, False), WINDOWED),
    Key("unless", "Windows of which one of these conditions holds are not judged", _conditions, WINDOWED),
    Key("unless_sensor", "Nor those of which one holds for the sensor meanwhile", _conditions, WINDOWED),
    Key("seconds", "So long without a window, after three windows and more", whole(10, 86_400 * 7), ("absence",)),
    Key("sql", "A SELECT; each row of its answer is an alert (columns `entity`, `said`)", text(20_000), ("sql",)),
    Key("every", "Seconds from one run to the next (60)", whole(10, 86_400), ("sql",)),
    Key("timeout", "Seconds that a run may take (10)", whole(1, 600), ("sql",)),
    Key("rows", "Rows of an answer that are taken (100)", whole(1, 10_000), ("sql",)),
)
"""Every key, in the order of the reference."""
BY_KEY: dict[str, Key] = {key.name: key for key in KEYS}
NEEDED: dict[str, tuple[str, ...]] = {
    "threshold": ("value",), "ratio": ("numerator", "denominator"), "change": ("value",),
    "baseline": ("value", "above", "sigmas"), "absence": ("seconds",), "sql": ("sql",),
}
"""Kind to the keys that it can't do without; of `threshold`, `ratio` and `change` also `above` or `below`."""

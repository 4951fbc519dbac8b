"""Expressions over the columns of windows, as rules are written in them: `(shoal.resent + 1) / shoal.segments`.

Numbers, names of columns, `+ - * /`, brackets; a condition compares one with a number. Values are float64: counts as
they stand, times in seconds (`shoal.zero_window_time` in ns, as its column says), NaN where a window has no value, and
where something is divided by 0.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.columns import Columns
from pipeline.schema.windows import BY_NAME, SIDES, WINDOWS

Values = NDArray[np.float64]
COLUMNS: dict[str, str] = {
    c.name: c.kind for c in WINDOWS.columns
    if c.kind in ("u32", "u64", "seconds") and not c.name.startswith("shoal.window.")
}  # fmt: skip
"""The columns that an expression may name, and their kinds."""
_ALLOWED = "write columns of windows, numbers, + - * / and ( )"
_MOST_NODES = 64
"""Parts of an expression: more is no rule that someone reads."""
_BINARY: dict[type[ast.operator], Callable[[Values, Values], Values]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Values, float], NDArray[np.bool_]]] = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le,
}


class ExpressionError(ValueError):
    """What is wrong with an expression, and what is allowed."""


Get = Callable[[str], Values]
"""Gives the values of a column by its name, all of one shape."""


def window_values(columns: Columns, rows: NDArray[np.int64] | slice) -> Get:
    """Of windows: their cells in `rows`."""

    def get(name: str) -> Values:
        values = columns.values(name)[rows].astype(np.float64)
        if COLUMNS[name] == "seconds":
            values /= 1e9
        there = columns.present(name)
        if there is not None:
            values[~there[rows]] = np.nan
        return values

    return get


def part_values(columns: Columns, rows: NDArray[np.int64] | slice) -> Get:
    """Of parts: what they counted under that name, both sides together. What was taken back is negative."""

    def get(name: str) -> Values:
        count = BY_NAME[name]
        signed = np.int64 if count.kind == "u64" else np.int32
        if not count.split:
            return columns.values(name)[rows].view(signed).astype(np.float64)
        a, b = (columns.values(f"shoal.{side}.{count.bare}")[rows].view(signed).astype(np.float64) for side in SIDES)
        return a + b

    return get


@dataclass(frozen=True, slots=True)
class Expression:
    """A text and what it means; `columns` are those that it names, in their order. Made by `expression`."""

    text: str
    run: Callable[[Get], Any]
    columns: tuple[str, ...]

    @property
    def additive(self) -> bool:
        """Whether it can be told of conversations too: it names counts alone."""
        return all(name in BY_NAME for name in self.columns)

    def of(self, get: Get) -> Values:
        """Its values, of the columns that `get` gives."""
        if len(self.columns) == 1 and self.text == self.columns[0]:
            return get(self.text)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found: Values = self.run(get)
        found[~np.isfinite(found)] = np.nan
        return found


def _compiled(node: ast.expr) -> Callable[[Get], Any]:
    """What gives the values of a checked node."""
    if isinstance(node, ast.BinOp):
        by, left, right = _BINARY[type(node.op)], _compiled(node.left), _compiled(node.right)
        return lambda get: by(left(get), right(get))
    if isinstance(node, ast.UnaryOp):
        of = _compiled(node.operand)
        return lambda get: -of(get)
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int | float)
        number = np.float64(node.value)
        return lambda get: number
    name = ast.unparse(node)
    return lambda get: get(name)


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression beside a limit. Made by `condition`."""

    text: str
    left: Expression
    compare: type[ast.cmpop]
    limit: float

    def of(self, get: Get) -> NDArray[np.bool_]:
        """Where it holds; not where there is no value."""
        with np.errstate(invalid="ignore"):
            return _COMPARE[self.compare](self.left.of(get), self.limit)


def _parsed(text: str) -> ast.expr:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"'{text}' is no expression; {_ALLOWED}") from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise ExpressionError(f"'{text[:40]}...' has over {_MOST_NODES} parts")
    return tree


def _named(node: ast.expr, text: str) -> str:
    name = ast.unparse(node)
    if name not in COLUMNS:
        import difflib

        near = difflib.get_close_matches(name, COLUMNS, n=2)
        meant = f"; did you mean {' or '.join(near)}?" if near else "; shoal fields windows lists them"
        raise ExpressionError(f"'{text}': windows have no number {name}{meant}")
    return name


def _checked(node: ast.expr, text: str) -> Expression:
    names: list[str] = []

    def walk(node: ast.expr) -> None:
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            walk(node.left)
            walk(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            walk(node.operand)
        elif isinstance(node, ast.Attribute | ast.Name):
            names.append(_named(node, text))
        elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
            raise ExpressionError(f"'{text}': '{ast.unparse(node)}' is not allowed; {_ALLOWED}")

    walk(node)
    if not names:
        raise ExpressionError(f"'{text}' names no column of windows")
    return Expression(text.strip(), _compiled(node), tuple(dict.fromkeys(names)))


def expression(text: str) -> Expression:
    """The expression that `text` is. Raises ExpressionError."""
    return _checked(_parsed(text), text)


def condition(text: str) -> Condition:
    """The condition that `text` is: an expression, one of > >= < <=, a number. Raises ExpressionError."""
    node = _parsed(text)
    right = node.comparators[0] if isinstance(node, ast.Compare) and len(node.ops) == 1 else None
    if (
        not isinstance(node, ast.Compare) or type(node.ops[0]) not in _COMPARE
        or not isinstance(right, ast.Constant) or type(right.value) not in (int, float)
    ):
        raise ExpressionError(f"'{text}' is no condition; write EXPRESSION > NUMBER (or >=, <, <=)")
    assert isinstance(right.value, int | float)
    return Condition(text, _checked(node.left, text), type(node.ops[0]), float(right.value))

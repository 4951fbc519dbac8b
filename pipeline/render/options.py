"""`-E key=value` of `shoal read -T fields`: how lines of fields are set, in tshark's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

_T = TypeVar("_T")

_SPECIAL = {"/t": "\t", "/s": " "}
_QUOTES = {"d": '"', "s": "'", "n": ""}
_YES_NO = {"y": True, "n": False}


class OptionError(Exception):
    """An `-E` option that is none, or a value that it does not take; one line."""


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """How lines of fields are set; the defaults are tshark's."""

    header: bool = False
    separator: str = "\t"
    occurrence: str = "a"
    aggregator: str = ","
    quote: str = ""


def parse_options(given: Iterable[str]) -> FieldOptions:
    """Options from `key=value` texts, later ones over earlier ones. Raises OptionError."""
    options = FieldOptions()
    for text in given:
        key, _, value = text.partition("=")
        if key == "header":
            options = replace(options, header=_one_of(text, _YES_NO, value))
        elif key == "separator":
            options = replace(options, separator=_character(text, value))
        elif key == "occurrence":
            options = replace(options, occurrence=_one_of(text, {"f": "f", "l": "l", "a": "a"}, value))
        elif key == "aggregator":
            options = replace(options, aggregator=_character(text, value))
        elif key == "quote":
            options = replace(options, quote=_one_of(text, _QUOTES, value))
        else:
            raise OptionError(f"-E {text}: no such option; there are header=y|n, separator=/t|/s|CHARACTER, "
                              "occurrence=f|l|a, aggregator=/s|CHARACTER and quote=d|s|n")
    return options


def _one_of(text: str, values: dict[str, _T], value: str) -> _T:
    if value not in values:
        raise OptionError(f"-E {text}: the value must be one of {', '.join(values)}")
    return values[value]


def _character(text: str, value: str) -> str:
    value = _SPECIAL.get(value, value)
    if len(value) != 1:
        raise OptionError(f"-E {text}: the value must be one character, /t (a tab) or /s (a space)")
    return value

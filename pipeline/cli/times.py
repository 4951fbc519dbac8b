"""Durations and times given on the command line, in whole nanoseconds, times since 1970-01-01 UTC."""

from __future__ import annotations

import click

from pipeline.schema.times import read_duration, read_since, read_time


class _Read(click.ParamType):
    """A click type that reads by one of the functions above; a value that is a number already stays."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        if isinstance(value, int):
            return value
        read = {"duration": read_duration, "time": read_time, "since": read_since}[self.name]
        try:
            return read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = _Read("duration")
"""A click type: a duration."""
TIME = _Read("time")
"""A click type: a time."""
SINCE = _Read("since")
"""A click type: a duration before now, or a time."""

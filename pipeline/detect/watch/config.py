"""The watch's configuration: a TOML file with a table for each sink.

    [watch]
    every = "1s"

    [sinks.oncall]
    type = "webhook"
    url = "https://oncall.example/hooks/shoal"
    secret_env = "ONCALL_SECRET"
    min_severity = "warning"

A secret stands in a variable of the environment (`..._env`) or in a file (`..._file`), never in the file itself.
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.detect.watch.courier import Retries
from pipeline.detect.watch.due import Wanted
from pipeline.detect.watch.watch import LOOK_SECONDS, LOOKBACK_HOURS, Settings
from pipeline.schema.alerts import SEVERITIES
from pipeline.schema.times import SECOND, read_duration

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_SECRET = 64 << 10


class ConfigError(Exception):
    """One clear line: where in which file, what is wrong, what to do."""

    exit_code = 2


class Table:
    """A table of the file, read key by key; `end` refuses what nobody has read. Every method raises ConfigError."""

    def __init__(self, where: str, values: Mapping[str, Any], directory: Path) -> None:
        self._where = where
        self._values = dict(values)
        self._directory = directory
        self._known: list[str] = []

    def fail(self, key: str, said: str) -> ConfigError:
        """The error of a key."""
        return ConfigError(f"{self._where} {key}: {said}" if key else f"{self._where}: {said}")

    def has(self, key: str) -> bool:
        """Whether a key is given that was not read yet."""
        return key in self._values

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._values.pop(key, None)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it has to be there."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise self.fail(key, "a text is needed" if value is None else f"{value!r} is no text")
        return value

    def one_of(self, key: str, values: tuple[str, ...], default: str) -> str:
        """One of some words."""
        value = self.text(key, default)
        if value not in values:
            raise self.fail(key, f"{value!r} is none of {', '.join(values)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            raise self.fail(key, f"{value!r} is neither true nor false")
        return default if value is None else value

    def number(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(key, f"{value!r} is no whole number from {least} to {most}")
        return value

    def seconds(self, key: str, default: float, least: float = 0.0, most: float = 366 * 86400.0) -> float:
        """A duration as `500ms`, `10s`, `5m`, `2h`, `1d`, or a number of seconds."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = read_duration(value.replace(" ", "")) / SECOND
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(key, f"{value!r} is no duration from {least:g}s to {most:g}s, as in \"10s\", \"5m\"")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
            raise self.fail(key, f"{value!r} is no list of texts, as in [\"retransmission-*\"]")
        return tuple(value)

    def table(self, key: str) -> dict[str, str]:
        """Texts by name."""
        value = self._take(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise self.fail(key, "texts by name are needed, as in { team = \"net\" }")
        return value

    def secret(self, key: str) -> str:
        """A secret, of `KEY_env` or `KEY_file`; empty where neither is given. What it is stands in no error."""
        if key in self._values:
            raise self.fail(key, f"a secret does not stand in the file; give {key}_env or {key}_file")
        variable, file = self._take(f"{key}_env"), self._take(f"{key}_file")
        if variable is not None and file is not None:
            raise self.fail(f"{key}_env", f"either this or {key}_file")
        if variable is not None:
            if not isinstance(variable, str) or not os.environ.get(variable):
                raise self.fail(f"{key}_env", f"the environment has no variable {variable}, or it is empty")
            return os.environ[variable]
        if file is None:
            return ""
        if not isinstance(file, str):
            raise self.fail(f"{key}_file", f"{file!r} is no path")
        try:
            text = (self._directory / file).read_text()[:_MOST_SECRET].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self.fail(f"{key}_file", getattr(error, "strerror", None) or "is no text") from error
        if not text:
            raise self.fail(f"{key}_file", "is empty")
        return text

    def end(self) -> None:
        """Refuses keys that nobody has asked for."""
        for key in self._values:
            raise self.fail(key, f"there is no such key; there are {', '.join(sorted(set(self._known)))}")


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """A sink as the file has it; `own` is what the sink's kind reads."""

    name: str
    type: str
    wanted: Wanted
    retries: Retries
    own: Table


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    settings: Settings = field(default_factory=Settings)
    sinks: tuple[SinkConfig, ...] = ()
    rest: dict[str, Table] = field(default_factory=dict)


PARTS = ("pins", "sensors")
"""Tables that the duties beside the sinks read."""


def read(path: str | os.PathLike[str]) -> Config:
    """Reads a file. Raises ConfigError."""
    file = Path(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: no TOML: {error}") from error
    return of(values, str(file), file.parent)


def of(values: Mapping[str, Any], name: str, directory: Path) -> Config:
    """A configuration of values as TOML has them. Raises ConfigError."""
    for key, value in values.items():
        if key not in ("watch", "sinks", *PARTS):
            raise ConfigError(f"{name}: there is no table [{key}]; there are [watch], [sinks.NAME], [pins], [sensors]")
        if not isinstance(value, dict):
            raise ConfigError(f"{name}: {key} is no table")
    watch = Table(f"{name}: [watch]", values.get("watch", {}), directory)
    settings = Settings(
        every=watch.seconds("every", LOOK_SECONDS, 0.01, 3600.0),
        lookback=watch.seconds("lookback", LOOKBACK_HOURS * 3600.0, 60.0) / 3600.0,
    )
    watch.end()
    sinks = tuple(_sink(name, sink, table, directory) for sink, table in values.get("sinks", {}).items())
    rest = {part: Table(f"{name}: [{part}]", values.get(part, {}), directory) for part in PARTS}
    return Config(settings, sinks, rest)


def _sink(file: str, name: str, values: Any, directory: Path) -> SinkConfig:
    if not _NAME.fullmatch(name) or not isinstance(values, dict):
        raise ConfigError(f"{file}: [sinks.{name}]: a table is needed, its name of letters, digits, '_' and '-'")
    table = Table(f"{file}: [sinks.{name}]", values, directory)
    kind = table.text("type")
    wanted = Wanted(
        table.one_of("min_severity", SEVERITIES, "info"), table.texts("rules", ("*",)),
        table.texts("sensors", ("*",)), table.flag("past", False),
    )
    usual = Retries()
    retries = Retries(
        table.number("attempts", usual.attempts, 1, 10_000), table.seconds("retry_first", usual.first, 0.01),
        table.seconds("retry_longest", usual.longest, 0.01),
    )
    return SinkConfig(name, kind, wanted, retries, table)

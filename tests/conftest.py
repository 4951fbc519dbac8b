"""What holds for the whole suite: the compiled leg is there when it should be, and CI skips nothing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TypeVar

import pytest

pytest_plugins = ("tests.broker.broker",)

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
PLAIN = bool(os.environ.get("SHOAL_PLAIN"))


def compiled_modules() -> list[str]:
    """Names of the modules that are built as extensions: those with a `.pxd` beside them."""
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for top in ("collectors", "pipeline")
        for path in (ROOT / top).rglob("*.pxd")
    )


def wrong_leg(names: list[str], *, plain: bool) -> list[str]:
    """Those of the modules `names` that did not load from the leg that was asked for, as `name (file)`."""
    wrong = []
    for name in names:
        file = importlib.import_module(name).__file__ or ""
        if file.endswith(tuple(EXTENSION_SUFFIXES)) == plain:
            wrong.append(f"{name} ({file})")
    return wrong


def pytest_sessionstart() -> None:
    """End at once when a module that should be compiled is not, or the other way round: results would say nothing."""
    wrong = wrong_leg(compiled_modules(), plain=PLAIN)
    if wrong:
        leg = "from source, as SHOAL_PLAIN asks" if PLAIN else "compiled (make setup builds them)"
        raise pytest.UsageError(f"these modules did not load {leg}: {', '.join(wrong)}")


def _judged(report: Report) -> Report:
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where every test must run: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one in CI."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So is a module that skips itself while it is collected."""
    return _judged((yield))

"""Imports go one way, and the command line imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "numpy", "pyarrow", "chdb", "aiohttp", "clickhouse_connect", "scapy", "rich", "faust", "aiokafka",
    "prometheus_client",
)  # fmt: skip


def sources(top: str) -> list[Path]:
    """The modules under a folder of the project."""
    return sorted((ROOT / top).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; `from a import b` gives `a.b`, and cimports count."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            base = ".".join(part for part in (package, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)
    pxd = path.with_suffix(".pxd")
    if pxd.exists():
        for words in map(str.split, pxd.read_text().splitlines()):
            if words[:1] == ["from"] and "cimport" in words:
                yield words[1]


def within(name: str, package: str) -> bool:
    """Whether `name` is `package` or below it."""
    return name == package or name.startswith(package + ".")


def test_collectors_import_only_the_schema_of_pipeline() -> None:
    """And their service, which wires them, the engine: what needs all frames in order runs where they are captured."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("collectors")
        for name in imported(path)
        if within(name, "pipeline") and name not in ("pipeline", "pipeline.__version__")
        and not within(name, "pipeline.schema")
        and not (within(name, "pipeline.engine") and path.parent.name == "service")
    ]
    assert len(sources("collectors")) > 5
    assert not found


def test_schema_imports_nothing_above_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("pipeline/schema")
        for name in imported(path)
        if within(name, "collectors") or (within(name, "pipeline") and not within(name, "pipeline.schema"))
    ]
    assert len(sources("pipeline/schema")) > 3
    assert not found


def test_engine_knows_neither_kafka_nor_clickhouse_nor_the_clock() -> None:
    forbidden = (
        "aiokafka", "faust", "chdb", "aiohttp", "clickhouse_connect", "time", "random", "socket",
        "pipeline.store", "pipeline.agents", "pipeline.cli",
    )
    # What spells an address, and asks nobody.
    allowed = {"socket.inet_ntop", "socket.AF_INET", "socket.AF_INET6"}
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("pipeline/engine")
        for name in imported(path)
        if any(within(name, package) for package in forbidden) and name not in allowed
    ]
    assert sources("pipeline/engine")
    assert not found
    # Dates may be made of numbers, but not of the clock.
    clocks = ("datetime.now(", "datetime.utcnow(", "datetime.today(", "date.today(")
    assert not [path for path in sources("pipeline/engine") if any(c in path.read_text() for c in clocks)]


def test_scapy_is_imported_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for top in ("collectors", "pipeline")
        for path in sources(top)
        if any(within(name, "scapy") for name in imported(path))
    }
    assert found == {"collectors/filters/compile.py"}


def run_python(code: str) -> str:
    """What a fresh interpreter prints for `code`."""
    done = subprocess.run(
        (sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["import", "--help"], ["sql", "--help"], ["fleet", "--help"]]
)
def test_the_command_line_answers_without_heavy_imports(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from pipeline.cli.main import main\n"
        f"sys.argv = ['shoal', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as e:\n    assert not e.code, e.code\n"
        f"print('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    assert run_python(code).splitlines()[-1] == "loaded:"


def test_version_is_the_package_s() -> None:
    import pipeline

    shoal = Path(sys.executable).with_name("shoal")
    done = subprocess.run((shoal, "--version"), capture_output=True, text=True, check=True)
    assert pipeline.__version__ in done.stdout

"""A folder that users other than root can reach: pytest shuts its own to them, and again with each other session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty folder, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="shoal-run-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)

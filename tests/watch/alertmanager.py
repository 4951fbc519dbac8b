"""The real Alertmanager, built once from the Go module proxy; what is built is kept beside Go's own caches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.broker.broker import free_ports
from tests.watch.receiver import until

VERSION = "v0.27.0"
MODULE = "github.com/prometheus/alertmanager/cmd/alertmanager"


def program() -> Path:
    """The built program; built where it isn't yet, which takes minutes and Go 1.21 or newer."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoal-tests"
    built = caches / f"alertmanager-{VERSION}" / "alertmanager"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        # Go's own directory is not in every PATH.
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        assert go, "no Go to build Alertmanager with: install it from https://go.dev/dl/ or put it in PATH"
        # Moved to its place when it is whole: a build may be killed, and two may run at once.
        with tempfile.TemporaryDirectory(dir=caches) as directory:
            env = os.environ | {"GOBIN": directory, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
            done = subprocess.run(
                (go, "install", f"{MODULE}@{VERSION}"), env=env, cwd=directory, capture_output=True, text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            os.replace(Path(directory) / "alertmanager", built)
    return built


class Alertmanager:
    """A running one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str) -> Any:
        """What its API answers."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def alerts(self) -> dict[str, Any]:
        """Its active alerts by the label `sensor`."""
        return {alert["labels"]["sensor"]: alert for alert in self.ask("/api/v2/alerts")}


@contextmanager
def running(directory: Path, hook: str) -> Iterator[Alertmanager]:
    """One that tells a webhook of what it gets, at once."""
    config = directory / "alertmanager.yml"
    config.write_text(
        "route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{hook}'}}]}}]\n"
    )
    port = free_ports(1)
    command = (
        program(), f"--config.file={config}", f"--storage.path={directory / 'data'}", "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        made = Alertmanager(f"http://127.0.0.1:{port}")

        def ready() -> bool:
            assert process.poll() is None, (directory / "log").read_text()
            try:
                return bool(made.ask("/api/v2/status"))
            except OSError:
                return False

        try:
            until(ready)
            yield made
        finally:
            process.kill()
            process.wait()

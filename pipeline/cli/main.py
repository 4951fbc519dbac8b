"""The frame of the `shoal` command: which subcommands there are, how it fails, what it ends with.

Nothing heavy is imported here: `shoal --help` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys

import click

from pipeline import __version__
from pipeline.cli.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PIPE, EXIT_USAGE
from pipeline.cli.lazy import LazyGroup
from pipeline.render.terminal import one_line, os_error

COMMANDS: dict[str, tuple[str, str]] = {
    "read": ("pipeline.cli.read:read", "Print fields of the frames of capture files, as tshark does."),
    "import": ("pipeline.cli.import_files:import_files", "Import capture files into a database."),
    "sql": ("pipeline.cli.sql:sql", "Query a database in SQL."),
    "run": ("pipeline.cli.run:run", "Capture into a database, and serve it."),
    "worker": ("pipeline.cli.worker:worker", "Bring record batches from Kafka into ClickHouse."),
    "migrate": ("pipeline.cli.migrate:migrate", "Make or upgrade the tables, and say how long rows are kept."),
    "serve": ("pipeline.cli.serve:serve", "Serve a database over ClickHouse's HTTP interface."),
    "fields": ("pipeline.cli.fields:fields", "List all fields, with type and meaning."),
    "collector": ("pipeline.cli.collector:collector", "Capture, decode, and publish to Kafka."),
    "capture": ("pipeline.cli.capture:capture", "Capture frames of interfaces into a file."),
    "fleet": ("pipeline.cli.fleet:fleet", "List the collectors of a fleet, and change their settings."),
    "interfaces": ("pipeline.cli.interfaces:interfaces", "List the network interfaces that can be captured on."),
    "alerts": ("pipeline.cli.alerts:alerts", "Look at alerts, and look after them."),
    "events": ("pipeline.cli.events:events", "List events: anomalies, and what had to be given up."),
    "top": ("pipeline.cli.top:top", "Watch sensors, services and alerts as they are now."),
    "completion": ("pipeline.cli.completion:completion", "Print the script that completes commands in a shell."),
}
"""Subcommand to where it is and what it does, in the order of `--help`."""


class ReaderGone(Exception):
    """The reader of standard output went away; click would end on the system's own error by itself."""


class _Shoal(LazyGroup):
    def invoke(self, ctx: click.Context) -> object:
        """Runs the subcommand."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error


@click.group(cls=_Shoal, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shoal", message="%(prog)s %(version)s")
def shoal() -> None:
    """Wireshark for a fleet: captures decoded into ClickHouse, every field by Wireshark's name."""


def _exit_code(error: Exception) -> int | None:
    """What an error of ours ends `shoal` with; None for one that is a fault in Shoal."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):
        return code
    # Only where a source was opened can the error be its own; to import it here would cost every command.
    frames = sys.modules.get("collectors.sources.frames")
    if frames is not None and isinstance(error, frames.CaptureError):
        return EXIT_USAGE
    return EXIT_FAILED if isinstance(error, OSError) else None


def _say(message: str) -> None:
    print(f"shoal: {one_line(message)}", file=sys.stderr)


def main(args: list[str] | None = None) -> None:
    """The command; ends the process with the exit codes of docs/reference-cli.md."""
    # What is held are many small dicts and rows without cycles: looking through them often finds nothing.
    gc.set_threshold(50_000, 20, 20)
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Runs the command and returns its exit code; every failure is one line on standard error."""
    # numpy's algebra library is not used; its threads would spin beside ours while they start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = shoal.main(args, prog_name="shoal", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        at = error.ctx.command_path if error.ctx else "shoal"
        _say(f"{error.format_message()} (see: {at} --help)")
        return EXIT_USAGE
    except (BrokenPipeError, ReaderGone):
        # The reader has gone. What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except Exception as error:
        known = _exit_code(error)
        if known is None:
            raise
        _say(os_error(error) if isinstance(error, OSError) else str(error))
        return known


if __name__ == "__main__":
    main()

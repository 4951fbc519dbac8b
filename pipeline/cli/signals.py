"""How the commands that go on until they are told otherwise hear that they are."""

from __future__ import annotations

import signal
from collections.abc import Callable


def stop_on_signals(stop: Callable[[], None]) -> None:
    """The first SIGINT or SIGTERM calls `stop`, the second ends the process.

    It is to be called before anything says that the work has begun: who reads that may send the signal at once, and
    without a handler all that was captured by then is lost.
    """

    def told(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        stop()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, told)

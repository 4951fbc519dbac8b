"""What every sink is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.detect.watch.notice import Notice


class Unreached(Exception):
    """The sink could not be told now, and may be later. `wait` is for how many seconds it asks to be left alone."""

    def __init__(self, said: str, wait: float = 0.0) -> None:
        super().__init__(said)
        self.wait = wait


class Refused(Exception):
    """The sink will never take this notification: the message or the settings are at fault."""


class Sink(Protocol):
    """Sends notifications; used by one thread at a time. Opens nothing before the first of them."""

    resend: float
    """After how many seconds it wants to hear of what is open again; 0 for never."""

    def send(self, notice: Notice) -> None:
        """Returns when the other side has taken it. Raises Unreached and Refused."""

    def remind(self, notices: Sequence[Notice]) -> None:
        """Tells again what is open. Raises Unreached and Refused."""

    def close(self) -> None:
        """Ends connections; closing twice does no harm."""


class Once:
    """A sink that hears of each notification once, and keeps no connection."""

    resend = 0.0

    def remind(self, notices: Sequence[Notice]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

"""Statistics of one capture that `shoal read -z` prints, straight from decoded batches.

A statistic takes each batch as it comes (`add`) and says at the end what it found (`lines`). To add one: a class that
is a `Statistic`, and a line in `STATISTICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns


class Statistic(Protocol):
    """What is counted over the batches of one capture."""

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the rows of the next batch, which `engine` has processed: those that `keep`, shape (rows,), marks, or
        all of them."""

    def lines(self) -> Iterator[bytes | memoryview]:
        """What is printed of all that was added: pieces of text that are whole lines, each valid until the next is
        asked for."""


@runtime_checkable
class TakesFlows(Protocol):
    """A statistic that also counts conversations: it is to be handed the engine's rows of them."""

    def take(self, rows: Columns) -> None:
        """Count the next rows of `FLOW_STATES`."""


@dataclass(frozen=True, slots=True)
class Known:
    """A statistic by name: where it is made, what it tells, and what has to run before it.

    `maker` is `module:name` of something that makes a `Statistic` when called with `arguments`; the module is loaded
    only then. `needs` names the parts of the engine (attributes of `Engine`) whose results it counts. With `details` it
    counts fields of what is said in the frames (`Columns.details`).
    """

    maker: str
    meaning: str
    needs: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    details: bool = False

    def make(self) -> Statistic:
        """A new one, for one capture."""
        module, _, name = self.maker.partition(":")
        maker: Callable[..., Statistic] = getattr(import_module(module), name)
        return maker(*self.arguments)


def _conversations(kind: str, of: str, *needs: str) -> Known:
    return Known("pipeline.statistics.conversations:Conversations", f"Conversations of {of}", needs, (kind,))


STATISTICS: dict[str, Known] = {
    "conv,eth": _conversations("eth", "Ethernet addresses", "reassembly"),
    "conv,ip": _conversations("ip", "IPv4 addresses", "reassembly"),
    "conv,ipv6": _conversations("ipv6", "IPv6 addresses", "reassembly"),
    "conv,tcp": _conversations("tcp", "TCP", "reassembly", "streams"),
    "conv,udp": _conversations("udp", "UDP", "reassembly", "streams"),
    "dhcp,stat": Known("pipeline.statistics.dhcp_stat:DhcpStat", "DHCP: messages by type", ("reassembly",),
                       details=True),
    "expert": Known("pipeline.statistics.expert:Expert", "What stands out, by severity: the marks and turns of TCP",
                    ("reassembly", "streams", "tcp")),
    "io,phs": Known("pipeline.statistics.hierarchy:Hierarchy", "The protocols, each within the one that carries it",
                    ("reassembly", "streams", "tcp", "exchanges")),
    "tcp,flows": Known("pipeline.statistics.flows:FlowList", "TCP conversations, and in words how each ended",
                       ("reassembly", "streams", "tcp", "causes", "flows")),
    "dns,tree": Known("pipeline.statistics.dns_tree:DnsTree", "DNS: messages by code and type, and response times",
                      ("reassembly", "streams"), details=True),
    "http,tree": Known("pipeline.statistics.http_tree:HttpTree", "HTTP: messages by method and status, response times",
                       ("reassembly", "streams", "tcp"), details=True),
}
"""Statistics by the name that `-z` takes."""


class UnknownStatistic(ValueError):
    """A name that is none of `STATISTICS`; the message says which there are."""


def known(name: str) -> Known:
    """The statistic of a name that `-z` was given; raises UnknownStatistic."""
    if name in STATISTICS:
        return STATISTICS[name]
    for there in STATISTICS:
        if name.startswith(there + ","):
            raise UnknownStatistic(f"-z {name}: a display filter after {there} is not taken yet; "
                                   "a filter in tcpdump's language after the options is")
    raise UnknownStatistic(f"-z {name}: no such statistic; there are {', '.join(STATISTICS)}")

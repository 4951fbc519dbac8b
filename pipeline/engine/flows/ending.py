"""What the state of a TCP conversation means, in words that an operator can act on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.flows.state import State
from pipeline.schema.flows import CAPTURE_POINTS, TCP_STATES

IDLE_NS = 60_000_000_000
"""A conversation without a frame for this long is idle."""
GIVEN_UP = 2
"""So many segments sent again, or keep-alives, without a frame from the other side: it is gone."""

_UNANSWERED_SYN = "no answer to the SYN"
_REFUSED = "refused: the port is closed"


def tcp_states(state: State) -> NDArray[np.uint8]:
    """Index into TCP_STATES, shape (rows,)."""
    number = {name: i for i, name in enumerate(TCP_STATES)}
    asked, answered = state.did("client", "syn"), state.did("server", "synack")
    fins = state.did("client", "fin").astype(int) + state.did("server", "fin")
    silent = state.side("server", "packets") == 0
    again = state.side("client", "unanswered_again") > 0
    conditions = [
        (_refused(state), "refused"),
        (state.own("reset_by") != 0, "reset"),
        (fins == 2, "closed"),
        (fins == 1, "closing"),
        (asked & silent & ~state.did("client", "ack") & again, "unanswered"),
        (asked & silent & ~state.did("client", "ack"), "opening"),
        (answered & ~state.did("client", "ack"), "half-open"),
    ]
    return np.select([c for c, _ in conditions], [number[name] for _, name in conditions],
                     number["established"]).astype(np.uint8)


def _refused(state: State) -> NDArray[np.bool_]:
    """A reset in answer to the SYN."""
    answered = state.did("server", "synack")
    refused: NDArray[np.bool_] = state.did("client", "syn") & ~answered & state.is_side("server", "reset_by")
    return refused & ~state.did("server", "payload")


def endings(state: State) -> tuple[list[str], NDArray[np.uint32]]:
    """The words, and for each row the index of its own."""
    asked, answered = state.did("client", "syn"), state.did("server", "synack")
    opened = state.did("client", "ack") | state.did("client", "payload")
    conditions: list[tuple[NDArray[np.bool_], str]] = [
        (_refused(state), _REFUSED),
        (asked & (state.side("server", "packets") == 0) & ~opened, _UNANSWERED_SYN),
        (answered & ~opened & state.is_side("client", "reset_by"),
         "half-open: the client reset it instead of finishing the handshake"),
        (answered & ~opened, "half-open: the SYN was answered, the handshake not finished"),
    ]
    for one, other in (("client", "server"), ("server", "client")):
        reset = state.is_side(one, "reset_by")
        blunt = state.did(one, "blunt_rst")
        ended = state.did(one, "fin")
        conditions += [
            (reset & ended & state.did(other, "payload_after_other_fin"),
             f"closed by the {one}, whose host reset the data that came after: the process was gone"),
            (reset & ended & state.did(other, "fin"), f"closed by both sides, then reset by the {one}"),
            (reset & ended, f"closed by the {one}, then reset by it"),
            (reset & blunt & ~state.did(other, "fin"),
             f"reset by the {one}, which knew of no such connection: its host had rebooted, or had given it up"),
            (reset & state.did(other, "fin"), f"closed by the {other}, then reset by the {one}"),
            (reset, f"reset by the {one}"),
        ]
    both = state.did("client", "fin") & state.did("server", "fin")
    crossed = state.did("client", "fin_crossed") | state.did("server", "fin_crossed")
    conditions += [(both & crossed, "closed by both sides at once")]
    for one, other in (("client", "server"), ("server", "client")):
        conditions.append((both & state.is_side(one, "ended_first"), f"closed by the {one}, then by the {other}"))
    for one, other in (("client", "server"), ("server", "client")):
        conditions += [
            (state.side(other, "packets") == 0, f"only the {one}'s direction was captured"),
            (state.side(one, "unanswered_probes") > GIVEN_UP, f"the {other} is gone: keep-alives stay unanswered"),
            (state.side(one, "unanswered_again") >= GIVEN_UP,
             f"the {other} is gone: what was sent again stays unanswered"),
        ]
    for one, other in (("client", "server"), ("server", "client")):
        conditions.append((state.did(one, "fin"), f"closed by the {one}, the {other}'s side still open"))
    conditions.append((state.own("now") - state.own("last_time") >= IDLE_NS, "idle, still open"))
    texts = [text for _, text in conditions] + ["open"]
    codes = np.select([c for c, _ in conditions], np.arange(len(conditions)), len(conditions))
    return texts, codes.astype(np.uint32)


def capture_points(state: State) -> NDArray[np.uint8]:
    """Index into CAPTURE_POINTS, shape (rows,): by the two legs of the handshake.

    From the SYN to its answer a frame goes to the server and back; from that to the acknowledgment, to the client and
    back. Where one of these times is less than a tenth of both, the capture was made there.
    """
    syn, synack, ack = state.own("syn_time"), state.own("synack_time"), state.own("open_time")
    there, here = synack - syn, ack - synack
    known = (syn != 0) & (synack > syn) & (ack > synack)
    number = {name: i for i, name in enumerate(CAPTURE_POINTS)}
    return np.select(
        [~known, here * 10 < there + here, there * 10 < there + here],
        [number["unknown"], number["client"], number["server"]],
        number["between"],
    ).astype(np.uint8)

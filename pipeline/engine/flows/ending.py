"""What the state of a TCP conversation means, in words that an operator can act on.

The conditions stand in their order: the first that holds gives the words. What tells one ending from another is in
docs/flows.md, and captures of kernel TCP for each are in tests/scenarios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.flows import words
from pipeline.engine.flows.state import State
from pipeline.engine.tcp.words import BETWEEN, NEAR_RECEIVER, NEAR_SENDER
from pipeline.schema.flows import CAPTURE_POINTS, TCP_STATES

_BOTH_WAYS = (("client", "server"), ("server", "client"))
# RFC 792 and the codes that IANA has added; RFC 4443, section 3.1.
_UNREACHABLE = dict(enumerate((
    "network unreachable", "host unreachable", "protocol unreachable", "port unreachable", "fragmentation needed",
    "source route failed", "network unknown", "host unknown", "source host isolated",
    "network administratively prohibited", "host administratively prohibited", "network unreachable for tos",
    "host unreachable for tos", "communication administratively filtered", "host precedence violation",
    "precedence cutoff in effect",
), 1)) | dict(enumerate((
    "no route to destination", "communication administratively prohibited", "beyond scope of source address",
    "address unreachable", "port unreachable", "source address failed policy", "reject route to destination",
), 257))


@dataclass(frozen=True, slots=True)
class Ending:
    """A rule: for the rows where it holds (bool, shape (rows,)), a state and the words."""

    holds: NDArray[np.bool_]
    state: str
    words: str


def _how(state: State, what: str) -> NDArray[np.bool_]:
    bits: NDArray[np.bool_] = (state.own("reset_how") & words.RESET_HOW[what]) != 0
    return bits


def _resets(state: State) -> list[Ending]:
    """What a first RST tells."""
    answered = state.did("server", "synack")
    opened = state.did("client", "ack") | state.did("client", "payload")
    fins = state.did("client", "fin") & state.did("server", "fin")
    by_server, by_client = state.is_side("server", "reset_by"), state.is_side("client", "reset_by")
    rules = [
        Ending(by_server & state.did("client", "syn") & ~answered & ~state.did("server", "payload"),
               "refused", "refused: the port is closed"),
        Ending(by_client & answered & ~opened, "reset",
               "half-open: reset by the client before the handshake was finished"),
    ]
    for one, other in _BOTH_WAYS:
        reset = state.is_side(one, "reset_by") & ~fins
        own, others = _how(state, "after_own_fin"), _how(state, "after_other_fin")
        rules += [
            Ending(reset & own & _how(state, "other_sent_after"), "reset",
                   f"{one} process gone: closed by the {one}, then data reset"),
            Ending(reset & own, "reset", f"closed by the {one}, then reset by the {one}"),
            Ending(reset & others, "reset", f"closed by the {other}, then reset by the {one}"),
            Ending(reset & _how(state, "probes_unanswered"), "gone", "peer gone: keep-alives unanswered"),
            Ending(reset & _how(state, "data_unanswered"), "gone", "peer gone: data resent unanswered"),
            Ending(reset & _how(state, "unknown"), "reset",
                   f"{one} rebooted: reset of a connection it no longer knew"),
            Ending(reset, "reset", f"reset by the {one}"),
        ]
    return rules


def _unopened(state: State) -> list[Ending]:
    """Where no RST came and the handshake was not finished."""
    opened = state.did("client", "ack") | state.did("client", "payload")
    asked = state.did("client", "syn") & (state.side("server", "packets") == 0) & ~opened
    code = state.own("unreachable")
    rules = [
        Ending(asked & (code == number), "refused", f"refused: ICMP {_UNREACHABLE[number]}")
        for number in sorted(set(code.tolist()) & set(_UNREACHABLE))
    ]
    return [
        *rules,
        Ending(asked & (code != 0), "refused", "refused: ICMP unreachable"),
        Ending(asked, "unanswered", "no answer to the SYN"),
        Ending(state.did("server", "synack") & ~opened & (state.side("client", "packets") > 0), "half-open",
               "half-open: SYN answered, handshake not finished"),
    ]


def _closed(state: State) -> list[Ending]:
    """What FINs tell, or the silence of a side."""
    both = state.did("client", "fin") & state.did("server", "fin")
    crossed = state.did("client", "fin_crossed") | state.did("server", "fin_crossed")
    rules = [Ending(both & crossed, "closed", "closed by both at once")]
    for one, other in _BOTH_WAYS:
        rules.append(Ending(both & state.is_side(one, "ended_first"), "closed",
                            f"closed by the {one}, then by the {other}"))
    for one, other in _BOTH_WAYS:
        unseen = state.side(other, "packets") == 0
        rules.append(Ending(state.did(one, "fin") & unseen, "half-closed",
                            f"closed by the {one}, the {other}'s side not captured"))
        rules.append(Ending(unseen, "established", f"open at the end of the capture, the {other}'s side not captured"))
    for one, other in _BOTH_WAYS:
        probed = state.side(one, "unanswered_probes") >= words.GONE_AFTER
        rules += [
            Ending(probed & (state.side(other, "closed_since") != 0), "gone", "peer gone: window probes unanswered"),
            Ending(probed, "gone", "peer gone: keep-alives unanswered"),
            Ending(state.side(one, "unanswered_again") >= words.GONE_AFTER, "gone",
                   "peer gone: data resent unanswered"),
        ]
    for one, other in _BOTH_WAYS:
        rules.append(Ending(state.did(one, "fin"), "half-closed",
                            f"closed by the {one}, the {other}'s side still open"))
    return rules


def endings(state: State) -> tuple[NDArray[np.uint8], list[str], NDArray[np.uint32]]:
    """Of each row, shape (rows,), the index into TCP_STATES; the words that occur; and the index of the row's own."""
    number = {name: i for i, name in enumerate(TCP_STATES)}
    rules = [
        *_resets(state), *_unopened(state), *_closed(state),
        Ending(state.own("replaced") != 0, "established", "client restarted: its ports used again while open"),
        Ending(state.own("now") - state.own("last_time") >= words.IDLE_NS, "idle",
               "idle, open at the end of the capture"),
    ]
    texts = [rule.words for rule in rules] + ["open at the end of the capture"]
    which = np.select([rule.holds for rule in rules], np.arange(len(rules)), len(rules))
    states = np.array([number[rule.state] for rule in rules] + [number["established"]], np.uint8)[which]
    return states, texts, which.astype(np.uint32)


def capture_points(state: State) -> NDArray[np.uint8]:
    """Index into CAPTURE_POINTS, shape (rows,): as the evidence of the side with more payload tells, else the other's.

    Where neither tells, by the two legs of the handshake: from the SYN to its answer a frame goes to the server and
    back, from that to the acknowledgment to the client and back. An end is near where its leg is a tenth of both.
    """
    syn, synack, ack = state.own("syn_time"), state.own("synack_time"), state.own("open_time")
    there, here = synack - syn, ack - synack
    known = (syn != 0) & (synack > syn) & (ack > synack)
    number = {name: i for i, name in enumerate(CAPTURE_POINTS)}
    point = np.select(
        [~known, here * 10 < there + here, there * 10 < there + here],
        [number["unknown"], number["client"], number["server"]],
        number["between"],
    )
    more = np.where(state.side("client", "payload_bytes") >= state.side("server", "payload_bytes"), 0, 1)
    told: list[NDArray[np.int64]] = []
    for one, other in _BOTH_WAYS:
        at = np.zeros(4, np.int64)
        at[NEAR_SENDER], at[NEAR_RECEIVER], at[BETWEEN] = number[one], number[other], number["between"]
        told.append(at[state.side(one, "place")])
    first, second = np.where(more == 0, *told), np.where(more == 0, *told[::-1])
    return np.where(first != 0, first, np.where(second != 0, second, point)).astype(np.uint8)

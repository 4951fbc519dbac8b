"""Messages with something wrong in them: `python -m tests.worker.mutate 10000` runs so many through a worker's work,
`python -m tests.worker.mutate 10000 windows` as many of those that shards tell of windows."""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.agents.packets import Packets
from pipeline.agents.windows import Windows
from tests.worker.batches import log_of, outcomes
from tests.worker.publish import Sent, messages


def mutated(paths: list[Path], count: int, seed: int = 0) -> Iterator[Sent]:
    """`count` messages of collectors, as `damaged` makes them."""
    return damaged([one for path in paths for one in messages(path, batch_rows=128) if one.value], count, seed)


def bundles(paths: list[Path]) -> list[Sent]:
    """What the shards of these captures tell of windows."""
    work, found = Packets(), list[Sent]()
    for number, path in enumerate(paths):
        log = log_of(messages(path, capture=f"c{number}"), start=number * 1_000_000)
        for _, of in outcomes(work, log):
            found += [Sent(0, list(onward.headers), onward.value) for outcome in of for onward in outcome.onward]
    return found


def damaged(good: Sequence[Sent], count: int, seed: int = 0) -> Iterator[Sent]:
    """`count` messages, each with bytes flipped, cut, doubled or exchanged in value or headers."""
    chance = random.Random(seed)
    for number in range(count):
        one = chance.choice(good)
        value, headers = bytearray(one.value), list(one.headers)
        kind = chance.randrange(6)
        if kind < 5 and not value:
            kind = 5
        if kind < 3:
            # The metadata at the front is where a change is read as structure.
            reach = chance.choice((64, 4096, len(value)))
            for _ in range(chance.randrange(1, 1 + (8, 40, 400)[kind])):
                value[chance.randrange(min(reach, len(value)))] = chance.randrange(256)
        elif kind == 3:
            del value[chance.randrange(len(value)) :]
        elif kind == 4:
            other = chance.choice(good).value
            at = chance.randrange(min(len(value), len(other)))
            value = value[:at] + other[at:]
        else:
            at = chance.randrange(len(headers))
            name, told = headers[at]
            wrong = chance.choice((b"", b"-1", b"9" * 30, b"[[1,2]]", b"\xff\xfe", told * 2, b"null"))
            headers[at : at + 1] = [] if chance.random() < 0.3 else [(name, wrong)]
        # Each is a capture of its own, so that none is passed over as repeated.
        headers = [(name, f"c{number}".encode() if name == "capture" and kind < 5 else told) for name, told in headers]
        yield Sent(one.partition, headers, bytes(value))


def main(count: int, topic: str) -> None:
    """Prints what became of them."""
    root = Path(__file__).resolve().parents[2]
    paths = sorted((root / "tests" / "scenarios").glob("*.pcap.gz"))
    told = [one for one in bundles(paths) if one.value] if topic == "windows" else []
    sent = damaged(told, count) if told else mutated(paths, count)
    work, found = Windows() if told else Packets(), Counter[str]()
    for number in itertools.count():
        part = log_of(itertools.islice(sent, 100), start=number * 1_000_000)
        if not part:
            break
        for _, of in outcomes(work, part):
            for outcome in of:
                found.update(letter.reason for letter in outcome.dead)
                found.update(outcome.counts)
                faults = [letter.said for letter in outcome.dead if letter.reason == "engine-fault"]
                if faults:
                    print(*faults, sep="\n")
    found["taken"] = count - sum(found[reason] for reason in ("invalid", "schema-mismatch", "foreign-layout"))
    print(dict(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else "packets")

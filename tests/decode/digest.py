"""Prints, for each capture of a folder, a digest of all columns after decoder and engine: run once a leg."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns


def digest(columns: Columns) -> str:
    """One digest over each row's present values, lists, and layer paths."""
    h = hashlib.sha256()
    n = columns.rows
    h.update(columns.lane[:, :n].tobytes())
    for c in PACKETS.stored:
        if c.of.slab in ("const", "raw"):
            continue
        values = columns.values(c.name)
        there = columns.present(c.name)
        if c.of.slab == "code":
            h.update(repr([columns.texts[k] for k in values.tolist()]).encode())
        else:
            h.update(np.ascontiguousarray(values if there is None else values[there]).tobytes())
    for lists in columns.lists.values():
        h.update(lists.offsets[: n + 1].tobytes())
        for c in lists.group.columns:
            h.update(np.ascontiguousarray(lists.values(c, n)).tobytes())
    return h.hexdigest()


def main() -> None:
    import collectors.decode.frames as frames

    leg = "plain" if str(frames.__file__).endswith(".py") else "compiled"
    columns = Columns(PACKETS, 4096)
    for path in sorted(Path(sys.argv[1]).iterdir()):
        engine = Engine()
        digests = []
        with open_capture(str(path), batch_rows=4096) as reader:
            for batch in reader:
                decode(batch, columns)
                engine.process(columns)
                digests.append(digest(columns))
        print(leg, path.name, *digests)


if __name__ == "__main__":
    main()

"""Headers of HTTP/2, packed (RFC 7541), by the library hpack: one direction's decoder, whose table a snapshot keeps."""

from __future__ import annotations

from hpack import Decoder, HPACKError

from pipeline.engine.snapshot import Tree

MOST_TABLE = 16_384
"""Bytes of the dynamic table that a peer may use; a larger one is not followed."""
MOST_LIST = 65_536
"""Bytes of a header, unpacked."""

Fields = list[tuple[bytes, bytes]]


class Headers:
    """`lost` says that the table is not known any more: headers can't be read from there on."""

    __slots__ = ("_decoder", "lost")

    def __init__(self) -> None:
        self._decoder = Decoder(MOST_LIST)
        self._decoder.max_allowed_table_size = MOST_TABLE
        self.lost = False

    def read(self, block: bytes) -> Fields:
        """The fields of a whole header block, none where they can't be read."""
        if self.lost:
            return []
        try:
            return [(bytes(field[0]), bytes(field[1])) for field in self._decoder.decode(block, raw=True)]
        except (HPACKError, IndexError, ValueError):
            self.lost = True
            return []

    def state(self) -> Tree:
        """All that is known."""
        table = self._decoder.header_table
        return {
            "lost": self.lost, "size": table.maxsize,
            "entries": [[bytes(name), bytes(value)] for name, value in table.dynamic_entries],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.lost = state["lost"]
        table = self._decoder.header_table
        table.maxsize = state["size"]
        for name, value in reversed(state["entries"]):
            table.add(name, value)

"""Why a scan of capture bytes stopped."""

from enum import IntEnum


class Stop(IntEnum):
    """Reason a scan gives; MORE and FULL are the common ones, those from FRAME_TOO_BIG on are damage."""

    MORE = 0
    """The bytes end inside a record."""
    FULL = 1
    """The batch is full."""
    BLOCK = 2
    """A section header or an interface description, which the scan does not read itself."""
    FRAME_TOO_BIG = 3
    BLOCK_TOO_SHORT = 4
    BLOCK_TOO_BIG = 5
    TRAILER = 6
    INTERFACE = 7
    DATA_PAST_BLOCK = 8
    OPTIONS = 9
    SECTION = 10
    VERSION = 11
    RESOLUTION = 12


DAMAGE: dict[Stop, str] = {
    Stop.FRAME_TOO_BIG: "a frame of {detail} bytes, more than its link type allows",
    Stop.BLOCK_TOO_SHORT: "a block that gives its length as {detail} bytes, too few for its type",
    Stop.BLOCK_TOO_BIG: "a block that gives its length as {detail} bytes, more than any real one",
    Stop.TRAILER: "a block whose two lengths differ (the second is {detail})",
    Stop.INTERFACE: "a packet of interface {detail}, which the section does not describe",
    Stop.DATA_PAST_BLOCK: "a packet of {detail} bytes, more than its block holds",
    Stop.OPTIONS: "a block with malformed options",
    Stop.SECTION: "a section header with the unknown byte-order magic 0x{detail:08x}",
    Stop.VERSION: "a section header of the unknown version {detail}",
    Stop.RESOLUTION: "an interface with the unusable time stamp resolution {detail}",
}
"""What stands at the offset where reading stopped, by reason."""

"""Link types of capture files: LINKTYPE_ numbers (tcpdump.org/linktypes.html)."""

RAW = 101
DBUS = 231
USBPCAP = 249
EBHSCR = 279

_FROM_DLT = {11: 100, 12: RAW, 14: RAW}
_FROM_AIX = {6: 1, 9: 6, 15: 10, 24: 0}
_LONG_FRAMES = {DBUS: 128 << 20, USBPCAP: 128 << 20, EBHSCR: 32 << 20}
_FRAME = 262_144


def linktype(number: int) -> int:
    """The LINKTYPE_ of a file's number, which with some writers is a DLT_ of their platform (raw IP: 12 or 14)."""
    return _FROM_DLT.get(number, number)


def aix_linktype(number: int) -> int | None:
    """The LINKTYPE_ of an AIX capture's number (an RFC 1573 ifType); None for a number that AIX does not write."""
    return _FROM_AIX.get(number)


def longest_frame(number: int) -> int:
    """Bytes of the longest frame believed, as in Wireshark; a longer one means a damaged file."""
    return _LONG_FRAMES.get(number, _FRAME)

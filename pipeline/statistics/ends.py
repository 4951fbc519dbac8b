"""What IPv6 extension headers change in the tables: whether a header counts, and which ends a conversation has."""

from __future__ import annotations

from pipeline.schema.columns import Columns

NEVER, PART = 1, 2
"""An IPv6 header that never counts, and one that does not where its fragment is only a part."""

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_HOME_ADDRESS = 201
_SOURCE_ROUTE, _HOME, _SEGMENTS = 0, 2, 4


def final_ends(frame: bytes, src: bytes, dst: bytes) -> tuple[bytes, bytes]:
    """Source and destination, 16 bytes each, of what is behind the IPv6 header from `src` to `dst` in `frame`.

    The destination is the last hop of a routing header that has segments left (types 0 and 4, RFC 2460 section 4.4 and
    RFC 8754) or its home address (type 2, RFC 6275 section 6.4), the source the home address of a destination option
    (RFC 6275, section 6.3): what the transport's checksum covers, and what Wireshark takes. A header that is cut ends
    the walk.
    """
    at = frame.find(src + dst) + 32
    if at < 40:
        return src, dst
    following = frame[at - 34]
    while at + 8 <= len(frame) and following in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION):
        end = at + 8 if following == _FRAGMENT else at + 8 * (frame[at + 1] + 1)
        if end > len(frame):
            break
        if following == _ROUTING and frame[at + 3] and end - at >= 24:
            kind = frame[at + 2]
            if kind == _SOURCE_ROUTE:
                dst = frame[end - 16 : end]
            elif kind in (_HOME, _SEGMENTS):
                dst = frame[at + 8 : at + 24]
        elif following == _DESTINATION:
            src = _home_address(frame[at + 2 : end]) or src
        following, at = frame[at], end
    return src, dst


def _home_address(options: bytes) -> bytes:
    """The home address among destination options; empty where there is none."""
    at = 0
    while at < len(options):
        if options[at] == 0:
            at += 1
            continue
        if at + 2 > len(options):
            break
        size = options[at + 1]
        if options[at] == _HOME_ADDRESS and size == 16 and at + 18 <= len(options):
            return options[at + 2 : at + 18]
        at += 2 + size
    return b""


def open_ended(texts: list[str]) -> bytes:
    """For each text of `frame.protocols`, and one more: NEVER, PART, or 0 where the IPv6 header leads to a payload."""
    told = bytearray(len(texts) + 1)
    for code, text in enumerate(texts):
        if "ipv6.mipv6" in text:
            told[code] = NEVER
        elif text.endswith(("ipv6.fraghdr:data", "ipv6.fraghdr")):
            told[code] = PART
    return bytes(told)


def rerouting(texts: list[str]) -> bytes:
    """For each text of `frame.protocols`, and one more, whether extension headers may name other ends."""
    return bytes("ipv6.routing" in text or "ipv6.dstopts" in text for text in texts) + b"\0"


def final_words(columns: Columns, row: int) -> tuple[int, int, int, int]:
    """The ends of a row behind such headers: source and destination, two words of eight bytes each."""
    start = int(columns.raw_offset[row])
    frame = bytes(memoryview(columns.raw_buffer)[start : start + int(columns.raw_length[row])])
    src, dst = (columns.values(name)[row].tobytes() for name in ("ipv6.src", "ipv6.dst"))
    src, dst = final_ends(frame, src, dst)
    a, b, c, d = (int.from_bytes(end[at : at + 8], "big") for end in (src, dst) for at in (0, 8))
    return a, b, c, d

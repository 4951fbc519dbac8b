"""The ends of a transport conversation over IPv6 where extension headers name others than the IPv6 header does."""

from __future__ import annotations

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

"""What the values of options are (RFC 2132)."""

from __future__ import annotations

from pipeline.schema.exchanges.dhcp_options import ADDRESS, ADDRESSES, BOOL, I32, TEXT, U8, U16, U16S, U32

_WIDTH = {ADDRESS: 4, BOOL: 1, U8: 1, U16: 2, U32: 4, I32: 4}

OVERLOAD, MESSAGE_TYPE, PARAMETERS, CLIENT_ID, FQDN, AGENT, DOMAIN_SEARCH = 52, 53, 55, 61, 81, 82, 119
"""Options that are read apart."""


def values(form: int, data: bytes) -> list[int | str]:
    """The values of an option of `form`; none where its length does not fit, as Wireshark has it."""
    if form == TEXT:
        return [text(data)]
    if form in (ADDRESSES, U16S):
        width = 4 if form == ADDRESSES else 2
        return [int.from_bytes(data[at : at + width], "big") for at in range(0, len(data) - width + 1, width)]
    if len(data) != _WIDTH.get(form, -1):
        return []
    if form == I32:
        return [str(int.from_bytes(data, "big", signed=True))]
    number = int.from_bytes(data, "big")
    return [int(number != 0) if form == BOOL else number]


def text(data: bytes) -> str:
    """A text up to its first NUL; bytes that are no ASCII are replaced."""
    return data.partition(b"\0")[0].decode("ascii", "replace")


def domain_names(data: bytes, *, most: int = 32) -> list[str]:
    """The names of a list of them in DNS's form with compression (RFC 3397), as far as they are sound."""
    found: list[str] = []
    at = 0
    while at < len(data) and len(found) < most:
        name, at = domain_name(data, at)
        if at <= 0:
            break
        found.append(name)
    return found


def domain_name(data: bytes, at: int) -> tuple[str, int]:
    """A name at `at`, and what follows it; -1 where it does not end."""
    labels: list[bytes] = []
    after, bound = -1, len(data)
    while 0 <= at < len(data):
        size = data[at]
        if size >= 0xC0:
            if at + 2 > len(data):
                return "", -1
            if after < 0:
                after = at + 2
            # Each jump goes before the one it comes from, so that they end.
            target = (size & 0x3F) << 8 | data[at + 1]
            if target >= bound or target >= at:
                return "", -1
            at = bound = target
            continue
        if size > 63 or at + 1 + size > len(data):
            return "", -1
        at += 1 + size
        if size == 0:
            return b".".join(labels).decode("ascii", "replace"), at if after < 0 else after
        labels.append(data[at - size : at])
    return "", -1

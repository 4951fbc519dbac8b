"""What the engine knows, as bytes and back: a tree of arrays, numbers, texts and bytes, with a digest over all of it.

Layout: magic, BLAKE2b-256 of all that follows it, length of the header (8 bytes, least significant first), the header
(JSON: the tree, with where each array and each piece of bytes stands), then these, each at a multiple of 8. Nothing in
it is code: a snapshot from a stranger can at the worst be refused.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"SHOALST1"
_DIGEST = 32
_HEAD = len(MAGIC) + _DIGEST + 8
_TYPES = ("|u1", "|i1", "|b1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8")

Tree = dict[str, Any]
"""Names to arrays, integers, texts, bytes, lists of these, None, and trees; tuples become lists."""


class SnapshotError(Exception):
    """A snapshot that can't be taken back: says what is wrong with it. The state is to be built anew."""


def pack(tree: Tree) -> bytes:
    """The tree as bytes. Raises TypeError where it holds anything else than `Tree` says."""
    pieces: list[Any] = []
    size = 0

    def keep(data: memoryview | bytes | bytearray) -> int:
        nonlocal size
        at = size
        pieces.append(data)
        size += len(data)
        if size % 8:
            pieces.append(bytes(-size % 8))
            size += -size % 8
        return at

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            kind = np.dtype(value.dtype).newbyteorder("<").str
            if kind not in _TYPES:
                raise TypeError(f"an array of {value.dtype} can't stand in a snapshot")
            array = np.ascontiguousarray(value, kind)
            return {"array": [kind, list(value.shape), keep(array.reshape(-1).view("u1").data)]}
        if isinstance(value, bytes | bytearray):
            return {"bytes": [len(value), keep(value)]}
        if isinstance(value, dict):
            return {"tree": {str(name): plain(of) for name, of in value.items()}}
        if isinstance(value, list | tuple):
            return [plain(of) for of in value]
        if value is None or isinstance(value, bool | int | str):
            return value
        raise TypeError(f"{type(value).__name__} can't stand in a snapshot")

    header = json.dumps(plain(tree), separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    # Joined once: a state may have hundreds of megabytes.
    pieces = [len(header).to_bytes(8, "little"), header, *pieces]
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for piece in pieces:
        digest.update(piece)
    return b"".join([MAGIC, digest.digest(), *pieces])


def unpack(data: bytes) -> Tree:
    """The tree again; its arrays are its own. Raises SnapshotError where a byte is not as it was written."""
    if data[: len(MAGIC)] != MAGIC or len(data) < _HEAD:
        raise SnapshotError("not a snapshot of this version of the engine")
    body = memoryview(data)[len(MAGIC) + _DIGEST :]
    if hashlib.blake2b(body, digest_size=_DIGEST).digest() != data[len(MAGIC) : len(MAGIC) + _DIGEST]:
        raise SnapshotError("the digest does not fit: the snapshot is damaged")
    # The digest fits, so what follows is what `pack` wrote.
    start = 8 + int.from_bytes(body[:8], "little")
    buffers = body[start:]

    def array(kind: str, shape: list[int], at: int) -> NDArray[Any]:
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(buffers, kind, count, at).reshape(shape).copy() if count else np.zeros(shape, kind)

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(of) for of in value]
        if isinstance(value, dict):
            ((kind, of),) = value.items()
            if kind == "array":
                return array(*of)
            if kind == "bytes":
                return bytes(buffers[of[1] : of[1] + of[0]])
            return {name: whole(item) for name, item in of.items()}
        return value

    tree: Tree = whole(json.loads(bytes(body[8:start])))
    return tree


def grown(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """`array` with room for at least `rows` rows, those it has not being zero."""
    if len(array) >= rows:
        return array
    larger = np.zeros((rows, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger

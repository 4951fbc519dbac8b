"""What a capture is known by: of a file its content, of anything else the run that took it."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable

_HASHED_AT_ONCE = 4 << 20

Progress = Callable[[str, int, int | None], None]
"""Called with what is done (`hash` or `import`), bytes done, and bytes in all (None where that is not known)."""


def content_hash(path: str, progress: Progress | None = None) -> str:
    """XXH3-128 of a file's content, in hex. Raises OSError."""
    import xxhash

    digest = xxhash.xxh3_128()
    buffer = memoryview(bytearray(_HASHED_AT_ONCE))
    done = 0
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while n := file.readinto(buffer):
            digest.update(buffer[:n])
            done += n
            if progress:
                progress("hash", done, size)
    return str(digest.hexdigest())


def is_file(path: str) -> bool:
    """Whether it can be read again, and so is known by its content. Raises OSError."""
    return path != "-" and stat.S_ISREG(os.stat(path).st_mode)


def run_id() -> str:
    """A name for this run that no other has: its time (UTC), and a random number."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(4)

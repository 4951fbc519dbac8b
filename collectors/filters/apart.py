"""Compiling a filter that someone else wrote, while a capture runs: in a process of its own, for a bounded time.

libpcap takes minutes to compile some filters of a few kilobytes, asks a name server about `host NAME`, and parses with
functions that call themselves. Forked is what has given up its privileges already, with the compiler that was opened
while they were there, so nothing has to be found, read or allowed anew. The child ends without a word where anything
goes wrong, and nothing of it reaches the capture but a program, which is checked again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable

from collectors.filters.live import LiveFilter
from collectors.filters.program import FilterError, Program

SECONDS = 3.0
"""How long a filter may take: a hundred terms take a twentieth of a second, 400 take 2.5."""

_PR_SET_PDEATHSIG = 1
_PIECE = 1 << 16
_libc = ctypes.CDLL(None)


def compile_apart(work: Callable[[], LiveFilter], seconds: float = SECONDS) -> LiveFilter:
    """What `work` compiles, in a child that may take so many seconds; raises FilterError.

    All that `work` imports has to be there already. One thread uses it at a time.
    """
    ours, theirs = os.pipe()
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as e:
        os.close(ours)
        os.close(theirs)
        raise FilterError(f"the capture filter can't be compiled now: no process can be had ({e.strerror})") from e
    if not child:
        # No line of the parent's code runs from here on, whatever happens.
        try:
            _limit(parent, seconds)
            _write(theirs, _result(work))
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        answer = _read(ours, time.monotonic() + seconds)
    finally:
        os.close(ours)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if answer is None:
        raise FilterError(f"the capture filter takes more than {seconds:g} s to compile; give one with fewer terms")
    return _taken(answer)


def _limit(parent: int, seconds: float) -> None:
    """End with the parent, and before long."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    most = round(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _result(work: Callable[[], LiveFilter]) -> bytes:
    try:
        made = work()
    except FilterError as error:
        return json.dumps({"error": str(error)}).encode()
    return json.dumps({"kernel": _rows(made.kernel), "after": _rows(made.after)}).encode()


def _rows(program: Program | None) -> list[list[int]] | None:
    if program is None:
        return None
    cells = (program.code, program.jt, program.jf, program.k)
    return [list(row) for row in zip(*(cell.tolist() for cell in cells), strict=True)]


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data[:_PIECE]) :]


def _read(source: int, deadline: float) -> bytes | None:
    """All that comes until the other end is closed; None where it was not in time."""
    poll = select.poll()
    pieces: list[bytes] = []
    poll.register(source, select.POLLIN)
    while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        piece = os.read(source, _PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    return None


def _taken(answer: bytes) -> LiveFilter:
    try:
        told = json.loads(answer)
    except ValueError:
        raise FilterError("the capture filter could not be compiled: libpcap failed; give a simpler one") from None
    if "error" in told:
        raise FilterError(told["error"])
    after = told["after"]
    return LiveFilter(Program.of(map(tuple, told["kernel"])), None if after is None else Program.of(map(tuple, after)))

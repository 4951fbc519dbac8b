"""Giving up root: what a sensor does between opening its sockets and looking at the first packet (capabilities(7))."""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
from pathlib import Path

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_NONE = "0" * 16
_GONE = {"CapInh": _NONE, "CapPrm": _NONE, "CapEff": _NONE, "CapAmb": _NONE, "NoNewPrivs": "1"}

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(Exception):
    """Privileges that can't be given up, so that nothing must go on: what, and what to do, in one line."""

    exit_code = 1


def drop(user: str | None = "nobody") -> None:
    """Become `user` when root (None: stay who one is), give up all capabilities for good, and set `no_new_privs`.

    Groups become those of `user`. Nothing can be gained again, by programs that are started either. To be called
    before threads are started: capabilities are a thread's own. Raises PrivilegeError when something is left.
    """
    seal()
    if user is not None and os.geteuid() != 0:
        user = None
    to = _entry(user) if user is not None else None
    if to is not None:
        try:
            os.setgroups(os.getgrouplist(to.pw_name, to.pw_gid))
            os.setresgid(to.pw_gid, to.pw_gid, to.pw_gid)
            os.setresuid(to.pw_uid, to.pw_uid, to.pw_uid)
        except OSError as e:
            raise PrivilegeError(f"can't become user {to.pw_name}: {e.strerror}") from e
    _capset_nothing()
    _look()


def seal() -> None:
    """See to it that nothing can be gained: no ambient capabilities, no bounding set, `no_new_privs`.

    Threads that start afterwards inherit that. So a library that starts some when it is loaded may be loaded between
    `seal` and `drop`, if `drop` becomes another user: with that every thread loses its capabilities (capabilities(7)).
    Raises PrivilegeError.
    """
    _drop_bounding()
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hand_over(directory: Path, user: str | None) -> None:
    """Make `directory` if need be, and give it, with all that is in it, to the user whom `drop` will become.

    Raises OSError and PrivilegeError.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None and os.geteuid() == 0:
        to = _entry(user)
        for path in (directory, *directory.rglob("*")):
            os.chown(path, to.pw_uid, to.pw_gid, follow_symlinks=False)


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"no user {user} on this machine; name another by --user") from None


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        error = ctypes.get_errno()
        raise PrivilegeError(f"can't give up privileges: prctl({option}): {os.strerror(error)}")


def _drop_bounding() -> None:
    """Empty the bounding set. Only who has CAP_SETPCAP can; for others `no_new_privs` makes it of no use."""
    for capability in range(64):
        zero = ctypes.c_ulong(0)
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), zero, zero, zero):
            if ctypes.get_errno() not in (errno.EINVAL, errno.EPERM):
                raise PrivilegeError(f"can't empty the bounding set: {os.strerror(ctypes.get_errno())}")
            return


def _capset_nothing() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, sets):
        raise PrivilegeError(f"can't give up capabilities: {os.strerror(ctypes.get_errno())}")


def _look() -> None:
    """See that nothing is left, in any thread."""
    for thread in Path("/proc/self/task").iterdir():
        lines = (line.split(":\t") for line in (thread / "status").read_text().splitlines() if ":\t" in line)
        found = {name: value for name, value, *_ in lines}
        left = [f"{name} {found.get(name)}" for name, wanted in _GONE.items() if found.get(name) != wanted]
        if left:
            raise PrivilegeError(f"thread {thread.name} keeps {', '.join(left)}; no thread may run before they go")

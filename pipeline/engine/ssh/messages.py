"""Messages of the SSH transport in clear (RFC 4253), and what two key exchange lists lead to."""

from __future__ import annotations

import base64
import hashlib

DISCONNECT = 1
KEXINIT = 20
NEWKEYS = 21
KEX_REPLY = 31
"""SSH_MSG_KEXDH_REPLY and SSH_MSG_KEX_ECDH_REPLY: the server's key is first in them (RFC 4253 8, RFC 5656 4)."""
GEX_REPLY = 33
"""The same of a group exchange (RFC 4419 3)."""

NAMES = (
    "kex_algorithms", "server_host_key_algorithms", "encryption_algorithms_client_to_server",
    "encryption_algorithms_server_to_client", "mac_algorithms_client_to_server", "mac_algorithms_server_to_client",
    "compression_algorithms_client_to_server", "compression_algorithms_server_to_client", "languages_client_to_server",
    "languages_server_to_client",
)  # fmt: skip
"""The lists of a SSH_MSG_KEXINIT in their order (RFC 4253 7.1), by Wireshark's names."""

MOST_LIST = 1024
"""Characters of a list of names that a row has, and that are looked through for one that both sides have."""

_OWN_MAC = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")


def text(data: bytes) -> str:
    """ASCII as Wireshark reads it: up to the first NUL, each byte of 128 and more as U+FFFD."""
    return data.partition(b"\0")[0].decode("ascii", "replace")


def string(data: bytes, at: int) -> tuple[bytes, int]:
    """The string of RFC 4251 5 at `at` of `data`, and where it ends; an end of -1 where it is not whole."""
    if at < 0 or at + 4 > len(data):
        return b"", -1
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    return (data[at + 4 : end], end) if end <= len(data) else (b"", -1)


def kexinit(payload: bytes) -> tuple[list[str], int]:
    """The lists of a SSH_MSG_KEXINIT as far as they are whole, in the order of NAMES, and where they end."""
    at = 17
    lists: list[str] = []
    for _ in NAMES:
        names, end = string(payload, at)
        if end < 0:
            break
        lists.append(text(names))
        at = end
    return lists, at


def fingerprinted(lists: list[str], *, server: bool) -> str:
    """What HASSH (of a server: HASSH server) is the MD5 of: the side's own four lists."""
    return ";".join((lists[0], *(lists[i] for i in ((3, 5, 7) if server else (2, 4, 6)))))


def hassh(of: str) -> str:
    """MD5 in hexadecimal digits."""
    return hashlib.md5(of.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def chosen(client: str, server: str) -> str:
    """The first of the client's names that the server has too; empty where there is none (RFC 4253 7.1)."""
    there = set(server.split(","))
    for name in client.split(","):
        if name in there:
            return name
    return ""


def agreed(client: list[str], server: list[str]) -> dict[str, str]:
    """What both lists lead to, by column. A cipher that authenticates by itself needs no MAC: none is named then."""
    found = {
        name: chosen(client[i], server[i])
        for i, name in (
            (0, "shoal.ssh.kex"), (1, "shoal.ssh.host_key"), (2, "shoal.ssh.cipher_client_to_server"),
            (3, "shoal.ssh.cipher_server_to_client"), (4, "shoal.ssh.mac_client_to_server"),
            (5, "shoal.ssh.mac_server_to_client"), (6, "shoal.ssh.compression_client_to_server"),
            (7, "shoal.ssh.compression_server_to_client"),
        )
    }  # fmt: skip
    for way in ("client_to_server", "server_to_client"):
        if found[f"shoal.ssh.cipher_{way}"] in _OWN_MAC:
            found[f"shoal.ssh.mac_{way}"] = ""
    return {name: value for name, value in found.items() if value}


def host_key(payload: bytes) -> tuple[str, str]:
    """Type and fingerprint (as `ssh-keygen -l` prints it) of the key in a reply; both empty where it is not whole."""
    blob, end = string(payload, 1)
    kind, kind_end = string(blob, 0)
    if end < 0 or kind_end < 0:
        return "", ""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return text(kind[:64]), f"SHA256:{digest}"

"""Names of remote procedure calls: Sun's over UDP and TCP, and what DCE's carry over UDP."""

from __future__ import annotations

from pipeline.engine.names.look import Look

PROGRAMS = {
    100000: "Portmap", 100001: "RSTAT", 100002: "RUSERS", 100003: "NFS", 100004: "YPSERV", 100005: "MOUNT",
    100007: "YPBIND", 100008: "WALL", 100009: "YPPASSWD", 100011: "RQUOTA", 100012: "SPRAY", 100021: "NLM",
    100024: "STAT", 100026: "BOOTPARAMS", 100227: "NFSACL", 100232: "SADMIND", 100300: "NIS+", 100302: "NIS+ CB",
    150001: "PCNFSD", 300019: "FMP", 390113: "NSM", 395183: "GLUSTER", 805306368: "DMAP", 1073741824: "NFS CB",
    14398464: "GlusterFS", 600100069: "YPXFR",
}  # fmt: skip
RPC_NAMES = tuple(PROGRAMS.values())
_PNIO = bytes.fromhex("dea000016c9711d1827100a02442df7d")


def rpc(data: bytes, look: Look) -> str:
    """At the portmapper's port."""
    return rpc_heard(data, look) or "RPC"


def rpc_heard(data: bytes, look: Look) -> str:
    """RFC 5531, section 9: a call of version 2 of a known program, or the reply to a call that was seen."""
    if len(data) < 24:
        return ""
    xid, kind = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    if kind == 0:
        program = int.from_bytes(data[12:16], "big")
        if int.from_bytes(data[8:12], "big") != 2 or program not in PROGRAMS:
            return ""
        look.note("calls", xid, program)
        return PROGRAMS[program]
    if kind == 1:
        program = look.noted("calls", xid)
        if program is not None and data[8:11] == b"\0\0\0" and data[11] < 2:
            return PROGRAMS[program]
    return ""


def dcerpc_datagram(data: bytes, look: Look) -> str:
    """C706, chapter 12: a connectionless header of version 4; PROFINET's interfaces have a name of their own."""
    if len(data) < 80 or data[0] != 4 or data[1] > 10 or data[2] & 0x81 or data[3] & 0xFC:
        return ""
    if data[4] & 0xEE or data[5] > 3:
        return ""
    interface = data[24:40]
    if data[4] & 0x10:
        interface = interface[3::-1] + interface[5:3:-1] + interface[7:5:-1] + interface[8:]
    return "PNIO-CM" if interface[4:] == _PNIO[4:] and interface[:3] == _PNIO[:3] else "DCERPC"

"""Wireshark's protocol hierarchy: frames and bytes of each protocol, within the one that carries it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.names.rpc import PROGRAMS
from pipeline.engine.names.windows import INTERFACES

if TYPE_CHECKING:
    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns

_RULE = "=" * 67
_WIDTH = 40
_NOT_SHOWN = ("ethertype", "data", "")
_OF_TRANSPORT = ("udp", "tcp", "sctp", "udplite")

_WORDS: dict[str, str] = {
    "AFS (RX)": "rx:afs", "ANSI C12.22": "c1222", "Auto-RP": "auto_rp", "BACnet-APDU": "bvlc:bacnet:bacapp",
    "BACnet-NPDU": "bvlc:bacnet", "BFD Control": "bfd", "BFD Echo": "bfd_echo", "BOOTP": "dhcp",
    "BROWSER": "nbdgm:smb:browser", "CAN-ETH": "caneth", "CIP": "enip:cip", "CIP CM": "enip:cip:cipcm",
    "CIP I/O": "cipio", "CLASSIC-STUN": "classicstun", "COTP": "tpkt:cotp", "DB-LSP-DISC/JSON": "db-lsp-disc:json",
    "DNP 3.0": "dnp3", "GIOP": "giop", "GTPv2": "gtp:gtpv2", "HSRPv2": "hsrp", "HTTP2": "http2", "ICQv2": "icq",
    "ICQv3": "icq", "IEC 60870-5 ASDU": "iec60870_104:iec60870_asdu", "IEC 60870-5-104": "iec60870_104",
    "KNXnet/IP": "kip", "KRB4": "kerberos:krb4", "KRB5": "kerberos", "LANMAN": "nbss:smb", "LON": "cnip:lon",
    "M3UA (RFC 4666)": "m3ua", "MMS": "tpkt:cotp:ses:pres:mms", "MPEG TS": "mp2t", "MPLS ECHO": "mpls-echo",
    "Modbus/TCP": "mbtcp:modbus", "NAT-PMP": "portcontrol", "NBDS": "nbdgm", "Nano Bootstrap": "nano",
    "OLSR v1": "olsr", "PCP v1": "portcontrol", "PCP v2": "portcontrol", "PNIO-CM": "dcerpc", "PTPv1": "ptp",
    "PTPv2": "ptp", "RDP": "tpkt:rdp", "RDPUDP2": "rdpudp", "RIPv1": "rip", "RIPv2": "rip", "RPKI-RTR": "rpkirtr",
    "RTMP": "rtmpt", "S-Bus": "sbus", "S7COMM": "tpkt:cotp:s7comm", "SKINNY/REQ": "skinny", "SKINNY/RESP": "skinny",
    "SMB": "nbss:smb", "SMB Pipe": "nbss:smb", "SMB2": "nbss:smb2", "SSHv1": "ssh", "SSHv2": "ssh",
    "STEAMDISCOVER": "steam_ihs_discovery", "T.125": "tpkt:cotp:t125", "WireGuard": "wg", "Z39.50": "z3950",
    "UDPENCAP": "udpencap", "IPv4": "ip", "PIMv2": "pim", "LACP": "slow", "Slow Protocols": "slow",
}  # fmt: skip
# Families of names that are one protocol, by how they begin.
_FAMILIES = (("TLSv", "tls"), ("SSL", "tls"), ("DTLS", "dtls"), ("PPP ", "ppp:"), ("ISIS", "osi:isis"))


def _words(name: str) -> list[str]:
    """The layers, in the words of `frame.protocols`, that a name of a frame's top protocol stands for."""
    if name in PROGRAMS.values():
        return ["rpc", name.lower().replace(" ", "")]
    if name in INTERFACES.values():
        return ["dcerpc"]
    if name in _WORDS:
        return _WORDS[name].split(":")
    for begin, word in _FAMILIES:
        if name.startswith(begin):
            return [word] if not word.endswith(":") else [name[len(begin) :].lower()]
    # A description of a session is looked at for the tree of a frame only, which tshark does not make here.
    return name.lower().removesuffix("/sdp").split("/")


def _layers(path: str, name: str) -> tuple[str, ...]:
    """The layers of a frame from the outermost on: those that were decoded, and what its name tells beyond them."""
    if name.startswith("GTP <"):
        name = name[5:-1]
    decoded = [layer for layer in path.split(":") if layer not in _NOT_SHOWN]
    told = _words(name) if name else []
    last = decoded[-1] if decoded else ""
    if "icmp" in decoded or "icmpv6" in decoded or not name:
        told = []
    elif name in ("UDP", "TCP", "SCTP", "MPTCP") or name.startswith("0x"):
        told = ["data"] if path.endswith(":data") else []
    elif last not in _OF_TRANSPORT and (not path.endswith(":data") or told[0] in decoded):
        told = []
    return (*decoded, *told)


class Hierarchy:
    """`io,phs` as tshark prints it; siblings stand in the order in which they were first met."""

    def __init__(self) -> None:
        # Frames and bytes of each node, a node being the layers down to it.
        self._nodes: dict[tuple[str, ...], list[int]] = {}
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the rows of the next batch."""
        rows = np.arange(columns.rows) if keep is None else np.flatnonzero(keep)
        if not len(rows):
            return
        texts = columns.texts
        codes = np.stack([columns.values(name)[rows] for name in ("frame.protocols", "_ws.col.Protocol")], axis=1)
        kinds, first, which = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        frames = np.bincount(which.ravel(), minlength=len(kinds))
        lengths = np.zeros(len(kinds), np.uint64)
        np.add.at(lengths, which.ravel(), columns.values("frame.len")[rows].astype(np.uint64))
        for k in np.argsort(first, kind="stable").tolist():
            path, name = texts[int(kinds[k][0])], texts[int(kinds[k][1])]
            self._count(path, name, int(frames[k]), int(lengths[k]))

    def _count(self, path: str, name: str, frames: int, length: int) -> None:
        layers = self._known.get((path, name))
        if layers is None:
            layers = self._known[path, name] = _layers(path, name)
        for depth in range(1, len(layers) + 1):
            node = self._nodes.setdefault(layers[:depth], [0, 0])
            node[0] += frames
            node[1] += length

    def lines(self) -> Iterator[bytes | memoryview]:
        """The tree, its head and the rules around it."""
        yield f"\n{_RULE}\nProtocol Hierarchy Statistics\nFilter: \n\n".encode()
        below: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for node in self._nodes:
            below.setdefault(node[:-1], []).append(node)
        waiting = below.get((), [])[::-1]
        while waiting:
            node = waiting.pop()
            frames, length = self._nodes[node]
            name = "  " * (len(node) - 1) + node[-1]
            yield f"{name:<{_WIDTH}} frames:{frames} bytes:{length}\n".encode()
            waiting += below.get(node, [])[::-1]
        yield f"{_RULE}\n".encode()

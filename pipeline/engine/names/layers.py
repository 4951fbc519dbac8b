"""Names by headers: what the path of a frame's layers tells, and where more must be read, the header that tells it."""

from __future__ import annotations

from functools import cache

from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns, Slots

_s = Slots(PACKETS)
_FRAGMENT = _s.lane("ipv6.fraghdr")
_IGMP = _s.lane("igmp")
_PAYLOAD_OFFSET = _s.u16("shoal.payload.offset")
_ARP_OPCODE = _s.u16("arp.opcode")
_IP_LEN = _s.u16("ip.len")
_IP_HDR_LEN = _s.u8("ip.hdr_len")
_IGMP_TYPE = _s.u8("igmp.type")
_IP_FRAG_OFFSET = _s.u16("ip.frag_offset")
_IP_FLAGS = _s.u8("ip.flags")
_IP_PROTO = _s.u8("ip.proto")
_PPP_PROTOCOL = _s.u16("ppp.protocol")
_GRE_PROTO = _s.u16("gre.proto")
_IPV6_FRAGHDR_OFFSET = _s.u16("ipv6.fraghdr.offset")
_IPV6_FRAGHDR_MORE = _s.u8("ipv6.fraghdr.more")
_IPV6_NXT = _s.u8("ipv6.nxt")
_LLC_DSAP = _s.u8("llc.dsap")
_LLC_SSAP = _s.u8("llc.ssap")
_LLC_OUI = _s.u32("llc.oui")

DONE, DATAGRAM, SEGMENT, READ, ADDRESSES, GROUPS, FRAGMENT = 0, 1, 2, 3, 4, 5, 6
"""What is left to do for a frame of such a path: nothing; its UDP payload, its TCP payload, its last header is to be
read, of ARP and IGMP only where its kind does not tell, of IP only where it is no fragment."""

_LAST = {
    "eth": "Ethernet", "ip": "IPv4", "ipv6": "IPv6", "icmp": "ICMP", "icmpv6": "ICMPv6", "udp": "UDP", "tcp": "TCP",
    "udplite": "UDP-Lite", "esp": "ESP", "ah": "AH", "gre": "GRE", "ospf": "OSPF", "stp": "STP", "lldp": "LLDP",
    "pppoed": "PPPoED", "pppoes": "PPPoES", "ppp": "PPP", "wlan": "802.11", "radiotap": "802.11", "prism": "802.11",
    "wlan_radio": "802.11", "avs": "802.11", "ppi": "802.11", "chdlc": "CHDLC", "fr": "FR", "wpan": "IEEE 802.15.4",
    "l2tp": "L2TP", "nhrp": "NHRP", "erspan": "ERSPAN", "teredo": "Teredo", "gtp": "GTP", "gtpprime": "GTP",
    "vxlan": "VxLAN", "geneve": "Geneve", "mpls": "MPLS", "avsp": "AVSP", "nflog": "NFLOG", "llc": "LLC",
    "juniper": "Juniper", "atm": "ATM", "null": "N/A", "raw": "Raw", "slip": "SLIP", "fddi": "FDDI", "sll": "SLL",
    "arcnet": "ARCNET", "macsec": "MACSEC", "vlan": "VLAN", "none": "UNKNOWN", "frame": "UNKNOWN",
}  # fmt: skip
_READ = ("pim", "sctp", "eapol")

_IP_PROTOCOLS = {
    8: "EGP", 9: "IGRP", 33: "DCCP", 46: "RSVP", 48: "DSR", 54: "NHRP", 77: "SUN ND", 88: "EIGRP", 97: "ETHERIP",
    103: "PIMv2", 108: "IPComp", 112: "VRRP", 113: "PGM", 115: "L2TP", 133: "FC", 135: "MIPv6", 138: "packetbb",
    139: "HIP",
}  # fmt: skip
_ETHERTYPES = {
    0x88F7: "PTPv2", 0x88A2: "AoE", 0x6003: "DEC DNA", 0x9000: "LOOP", 0x8902: "CFM", 0x886F: "MS NLB",
    0x80F3: "AARP", 0x809B: "DDP", 0x8892: "PNIO", 0x88CD: "SERCOS III V1.1", 0x88A4: "ECATF", 0x88AB: "EPL_V1",
    0x8906: "FCoE", 0x8914: "FIP", 0x8809: "Slow Protocols", 0x88B8: "GOOSE", 0x88BA: "IEC61850 Sampled Values",
    0x8137: "IPX", 0x6001: "MOP DL", 0x6002: "MOP RC", 0x6004: "LAT", 0x0BAD: "Vines IP", 0x22F0: "IEEE1722",
    0x22EA: "MSRP", 0x88F5: "MVRP", 0x88F6: "MMRP", 0x8899: "Realtek", 0x890D: "802.11", 0x88CA: "TIPC",
    0x88FB: "PRP", 0x892F: "HSR", 0x8863: "PPPoED", 0x8864: "PPPoES", 0x22F3: "TRILL", 0x894F: "NSH",
    0x88E1: "HomePlug AV", 0x887B: "HomePlug", 0x8912: "MEDIAXTREME", 0x893A: "ieee1905", 0x0842: "WOL",
    0x4305: "BATADV_OGM", 0x88D9: "LLTD", 0x8915: "RRoCE", 0x8847: "MPLS", 0x8848: "MPLS", 0x22DF: "LLDP",
}  # fmt: skip
_PPP = {
    0xC021: "PPP LCP", 0x8021: "PPP IPCP", 0x8057: "PPP IPV6CP", 0x80FD: "PPP CCP", 0xC023: "PPP PAP",
    0xC223: "PPP CHAP", 0x8281: "PPP MPLSCP", 0x00FD: "PPP Comp", 0xC025: "PPP LQR", 0x8053: "PPP ECP",
    0x8031: "PPP BCP NCP", 0x0031: "PPP BCP BPDU", 0x8207: "PPP CDPCP", 0xC029: "PPP CBCP", 0xC02B: "PPP BACP",
    0x003D: "PPP MP", 0x0207: "CDP", 0xC227: "EAP",
}  # fmt: skip
_CISCO = {0x2000: "CDP", 0x2003: "VTP", 0x2004: "DTP", 0x0111: "UDLD", 0x010B: "STP", 0x010C: "VLAN", 0x0104: "PAGP",
          0x0102: "DRIP"}  # fmt: skip
_ARP = {3: "RARP", 4: "RARP", 5: "DRARP", 6: "DRARP", 7: "DRARP", 8: "Inverse ARP", 9: "Inverse ARP"}
_SCTP_PAYLOADS = {
    1: "IUA (RFC 3057)", 2: "M2UA (RFC 3331)", 3: "M3UA (RFC 4666)", 4: "SUA (RFC 3868)", 5: "M2PA (RFC 4165)",
    7: "MEGACO", 18: "S1AP", 27: "X2AP", 46: "DIAMETER", 47: "DIAMETER", 60: "NGAP", 61: "XnAP", 62: "F1AP",
    63: "E1AP",
}  # fmt: skip
GROUP_NAMES = {0x12: "IGMPv1", 0x13: "DVMRP", 0x14: "PIMv1", 0x16: "IGMPv2", 0x17: "IGMPv2", 0x22: "IGMPv3"}
"""By the kind of an IGMP message, but for queries."""
_ISIS = {15: "HELLO", 16: "HELLO", 17: "HELLO", 18: "LSP", 20: "LSP", 24: "CSNP", 25: "CSNP", 26: "PSNP", 27: "PSNP"}

HEADER_NAMES: tuple[str, ...] = tuple(dict.fromkeys((
    *_LAST.values(), *_IP_PROTOCOLS.values(), *_ETHERTYPES.values(), *_PPP.values(), *_CISCO.values(), *_ARP.values(),
    *_SCTP_PAYLOADS.values(), *(f"ISIS {kind}" for kind in _ISIS.values()), "ARP", "IGMP", "IGMPv1", "IGMPv2", "IGMPv3",
    "DVMRP", "PIMv1", "RGMP", "SCTP", "EAPOL", "EAP", "ISIS", "ESIS", "CLNP", "ISO", "SLARP", "NDP", "IPX", "NBIPX",
    "NetBIOS", "HP", "MPTCP", "IP", "LACP", "MARKER",
    "OAM", "ESMC", "Slow Protocols", "PTPv1", "EDP", "WLCCP", "SNA",
)))  # fmt: skip
"""Every name that is told here, but those of unknown EtherTypes, which are their number in hex."""


@cache
def of_path(path: str) -> tuple[str, int]:
    """The name that a path of layers (`frame.protocols`) tells, and what is left to do."""
    layers = path.split(":")
    last, before = _ends(layers)
    if "pim" in layers:
        return "PIMv2", READ if last == "pim" else DONE
    if "icmp" in layers or "icmpv6" in layers:
        return ("ICMP" if "icmp" in layers else "ICMPv6"), DONE
    if last == "data":
        if before == "udp":
            return "UDP", DATAGRAM
        if before == "ip" or before.startswith("ipv6"):
            return _last(before), FRAGMENT
        if before.startswith(("ip", "ether", "ppp", "llc", "gre", "chdlc", "fr", "vlan", "arcnet", "eth")):
            return _last(before), READ
        return _last(before), DONE
    if last == "udp":
        return "UDP", DATAGRAM
    if last == "tcp":
        return "TCP", SEGMENT
    if last in ("ip", "ipv6.fraghdr"):
        return _last(last), FRAGMENT
    if last == "arp":
        return "ARP", ADDRESSES
    if last == "igmp":
        return "IGMP", GROUPS
    return _last(last), READ if last in _READ else DONE


def _ends(layers: list[str]) -> tuple[str, str]:
    """The last layer of a path and the one before it."""
    many = len(layers)
    return layers[many - 1], layers[many - 2] if many > 1 else "frame"


def _last(layer: str) -> str:
    if layer == "ethertype":
        return "Ethernet"
    if layer.startswith("ipv6."):
        return "IPv6"
    return _LAST.get(layer) or {"arp": "ARP", "igmp": "IGMP", "sctp": "SCTP", "eapol": "EAPOL"}.get(layer, "Ethernet")


def read(columns: Columns, row: int, path: str) -> str:
    """The name of a frame whose last header is to be read; empty where that header is too short."""
    last, before = _ends(path.split(":"))
    if last == "data":
        last = before
    start = int(columns.raw_offset[row])
    end = start + int(columns.raw_length[row])
    at = start + int(columns.u16[_PAYLOAD_OFFSET, row])
    data = bytes(columns.raw_buffer[at : min(at + 64, end)])
    if last == "arp":
        return _ARP.get(int(columns.u16[_ARP_OPCODE, row]), "ARP")
    if last == "igmp":
        size = int(columns.u16[_IP_LEN, row]) - int(columns.u8[_IP_HDR_LEN, row])
        if not columns.lane[_IGMP, row]:
            return _igmp(data[0] if data else 0, size, 1)
        return _igmp(int(columns.u8[_IGMP_TYPE, row]), size, columns.raw_buffer[at - 7] if at - 7 > start else 1)
    if last == "pim":
        return "PIMv1" if data and data[0] >> 4 == 1 else "PIMv2"
    if last == "sctp":
        return _sctp(data)
    if last == "eapol":
        return "EAP" if len(data) > 1 and data[1] == 0 else "EAPOL"
    if last == "ip":
        fragment = int(columns.u16[_IP_FRAG_OFFSET, row]) or int(columns.u8[_IP_FLAGS, row]) & 1
        proto = int(columns.u8[_IP_PROTO, row])
        if proto == 124:
            return _osi(data)
        return "IPv4" if fragment else _IP_PROTOCOLS.get(proto, "IPv4")
    if last.startswith("ipv6"):
        return _ipv6(columns, row, data, last)
    if last == "ppp":
        protocol = int(columns.u16[_PPP_PROTOCOL, row])
        return _osi(data) if protocol == 0x23 else _PPP.get(protocol) or f"0x{protocol:04x}"
    if last == "gre":
        kind = int(columns.u16[_GRE_PROTO, row])
        return _osi(data) if kind == 0xFE else {0x2000: "CDP", 0x2001: "NHRP"}.get(kind, "GRE")
    if last == "llc":
        return _llc(columns, row, data)
    if last == "fr":
        return _osi(data) if data[:1] in (b"\x81", b"\x82", b"\x83") else "FR"
    if at - start < 2:
        return ""
    kind = int.from_bytes(columns.raw_buffer[at - 2 : at], "big")
    if last == "chdlc":
        if kind == 0xFEFE:
            return _osi(data[1:])
        return {0x8035: "SLARP", 0x2000: "CDP"}.get(kind) or f"0x{kind:04x}"
    if last in ("ethertype", "vlan"):
        if kind == 0x88F7 and data[1:2] == b"\x01":
            return "PTPv1"
        if kind == 0x8809:
            return {1: "LACP", 2: "MARKER", 3: "OAM", 10: "ESMC"}.get(data[0] if data else 0, "Slow Protocols")
        return _ETHERTYPES.get(kind) or f"0x{kind:04x}"
    return ""


def _igmp(kind: int, size: int, second: int) -> str:
    """RFC 3376, section 7.1: the version of a query is in its length and its second byte."""
    if kind == 0x11:
        return "IGMPv3" if size >= 12 else "IGMPv2" if second else "IGMPv1"
    return GROUP_NAMES.get(kind, "RGMP" if kind >= 0xFC else "IGMP")


def _sctp(data: bytes) -> str:
    """RFC 4960, section 3.3.1: what a whole message in a DATA chunk is of; `data` begins behind the common header."""
    at = 0
    found = "SCTP"
    while at + 16 <= len(data):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] == 0 and data[at + 1] & 3 == 3:
            found = _SCTP_PAYLOADS.get(int.from_bytes(data[at + 12 : at + 16], "big"), found)
        at += max(4, length + 3 & ~3)
    return found


def _ipv6(columns: Columns, row: int, data: bytes, last: str) -> str:
    if columns.lane[_FRAGMENT, row]:
        fragment = int(columns.u16[_IPV6_FRAGHDR_OFFSET, row]) or int(columns.u8[_IPV6_FRAGHDR_MORE, row])
        if fragment:
            return "IPv6"
    following = int(columns.u8[_IPV6_NXT, row]) if last == "ipv6" else -1
    if following in (62, 135) or last == "ipv6.mipv6":
        return "MIPv6"
    return _IP_PROTOCOLS.get(following, "IPv6")


def _llc(columns: Columns, row: int, data: bytes) -> str:
    """IEEE 802.2 service access points, and SNAP's organizations."""
    dsap, ssap = int(columns.u8[_LLC_DSAP, row]), int(columns.u8[_LLC_SSAP, row])
    if dsap == 0xAA:
        oui = int(columns.u32[_LLC_OUI, row])
        kind = int.from_bytes(data[:2], "big")
        back = int(columns.raw_offset[row]) + int(columns.u16[_PAYLOAD_OFFSET, row])
        before = int.from_bytes(columns.raw_buffer[max(0, back - 2) : back], "big")
        if oui == 0x00000C:
            return _CISCO.get(before) or _CISCO.get(kind, "LLC")
        if oui == 0x000081:
            return "NDP"
        if oui in (0, 0x0000F8):
            return _ETHERTYPES.get(before) or f"0x{before:04x}"
        return {0x080007: "DDP", 0x00E02B: "EDP", 0x001977: "WLCCP", 0x004096: "WLCCP"}.get(oui, "LLC")
    if dsap == 0xFE:
        return _osi(data)
    if dsap == 0xE0 or (dsap == 0xFF and ssap == 0xFF):
        return "NBIPX" if data[16:18] == b"\x04\x55" or data[28:30] == b"\x04\x55" else "IPX"
    return {0xF0: "NetBIOS", 0xF8: "HP", 0x42: "STP", 0x04: "SNA", 0xF4: "LLC"}.get(dsap, "LLC")


def _osi(data: bytes) -> str:
    """ISO/IEC TR 9577: what a network layer protocol identifier begins; of IS-IS, ISO/IEC 10589, the kind."""
    kind = data[0] if data else 0
    if kind == 0x83:
        told = _ISIS.get(data[4] & 0x1F) if len(data) > 4 else None
        return f"ISIS {told}" if told else "ISIS"
    return {0x82: "ESIS", 0x81: "CLNP", 0xCC: "IPv4"}.get(kind, "ISO")



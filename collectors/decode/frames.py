"""The way of a frame through the layers, and of a batch of frames into columns."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import cython
import numpy as np

if not cython.compiled:
    from collectors.decode.arp import arp
    from collectors.decode.ether import ethernet, ethertype, llc, mpls, tag, vlan
    from collectors.decode.icmp import icmp, icmp6, igmp
    from collectors.decode.ip import ip4, ip6, ip6_extension, pim
    from collectors.decode.link import cooked, first_layer, local, null, raw, serial
    from collectors.decode.packet import Packet, mix, pair
    from collectors.decode.ppp import ppp, ppp_hdlc, pppoe
    from collectors.decode.tcp import tcp
    from collectors.decode.transport import sctp, udp
    from collectors.decode.tunnel import erspan, geneve, gre, gtp, l2tp, nhrp, teredo, vxlan
    from collectors.decode.wlan import avs, ppi, prism, radiotap, wlan

from collectors.sources.frames import NO_FLAGS, NO_INTERFACE, Frames
from pipeline.schema import LAYER_ID, LAYERS, PACKETS
from pipeline.schema.columns import Columns, Slots

MOST_LAYERS = 48
"""Layers decoded of one frame at the most; deeper nesting is an attack, and is left as data."""

_s = Slots(PACKETS)
_DEPTH = cython.declare(cython.int, MOST_LAYERS)
_OFFSET = cython.declare(cython.Py_ssize_t, _s.u16("shoal.payload.offset"))
_LENGTH = cython.declare(cython.Py_ssize_t, _s.u32("shoal.payload.len"))
_FLOW_ID = cython.declare(cython.Py_ssize_t, _s.u64("shoal.flow_id"))
_NUMBER = _s.u64("frame.number")
_TIME = _s.u64("frame.time")
_FRAME_LEN = _s.u32("frame.len")
_CAP_LEN = _s.u32("frame.cap_len")
_INTERFACE = _s.u16("frame.interface_id")
_L_INTERFACE = _s.lane("frame.interface_id")
_FLAGS = _s.u32("frame.packet_flags")
_L_FLAGS = _s.lane("frame.packet_flags")
_LINKTYPE = _s.u16("shoal.linktype")
_PROTOCOLS = _s.code("frame.protocols")

_L_TCP = cython.declare(cython.Py_ssize_t, _s.lane("tcp"))
_L_UDP = cython.declare(cython.Py_ssize_t, _s.lane("udp"))
_L_SCTP = cython.declare(cython.Py_ssize_t, _s.lane("sctp"))
_L_IP = cython.declare(cython.Py_ssize_t, _s.lane("ip"))
_L_IPV6 = cython.declare(cython.Py_ssize_t, _s.lane("ipv6"))
_IP_DST = cython.declare(cython.int, _s.upto("ip.dst"))
_IPV6_DST = cython.declare(cython.int, _s.upto("ipv6.dst"))
_SRC4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.src"))
_DST4 = cython.declare(cython.Py_ssize_t, _s.u32("ip.dst"))
_SRC6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.src"))
_DST6 = cython.declare(cython.Py_ssize_t, _s.b16("ipv6.dst"))
_PROTO = cython.declare(cython.Py_ssize_t, _s.u8("ip.proto"))
_NXT = cython.declare(cython.Py_ssize_t, _s.u8("ipv6.nxt"))
_TCP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("tcp.srcport"))
_TCP_DST = cython.declare(cython.Py_ssize_t, _s.u16("tcp.dstport"))
_UDP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("udp.srcport"))
_UDP_DST = cython.declare(cython.Py_ssize_t, _s.u16("udp.dstport"))
_SCTP_SRC = cython.declare(cython.Py_ssize_t, _s.u16("sctp.srcport"))
_SCTP_DST = cython.declare(cython.Py_ssize_t, _s.u16("sctp.dstport"))

_ETH = cython.declare(cython.int, LAYER_ID["eth"])
_ETHERTYPE = cython.declare(cython.int, LAYER_ID["ethertype"])
_VLAN = cython.declare(cython.int, LAYER_ID["vlan"])
_SVLAN = cython.declare(cython.int, LAYER_ID["ieee8021ad"])
_LLC = cython.declare(cython.int, LAYER_ID["llc"])
_MPLS = cython.declare(cython.int, LAYER_ID["mpls"])
_PPPOED = cython.declare(cython.int, LAYER_ID["pppoed"])
_PPPOES = cython.declare(cython.int, LAYER_ID["pppoes"])
_PPP = cython.declare(cython.int, LAYER_ID["ppp"])
_ARP = cython.declare(cython.int, LAYER_ID["arp"])
_IP = cython.declare(cython.int, LAYER_ID["ip"])
_IPV6 = cython.declare(cython.int, LAYER_ID["ipv6"])
_HOPOPTS = cython.declare(cython.int, LAYER_ID["ipv6.hopopts"])
_AH = cython.declare(cython.int, LAYER_ID["ah"])
_GRE = cython.declare(cython.int, LAYER_ID["gre"])
_ERSPAN = cython.declare(cython.int, LAYER_ID["erspan"])
_VXLAN = cython.declare(cython.int, LAYER_ID["vxlan"])
_GENEVE = cython.declare(cython.int, LAYER_ID["geneve"])
_GTP = cython.declare(cython.int, LAYER_ID["gtp"])
_L2TP = cython.declare(cython.int, LAYER_ID["l2tp"])
_NHRP = cython.declare(cython.int, LAYER_ID["nhrp"])
_PIM = cython.declare(cython.int, LAYER_ID["pim"])
_TEREDO = cython.declare(cython.int, LAYER_ID["teredo"])
_ICMP = cython.declare(cython.int, LAYER_ID["icmp"])
_ICMPV6 = cython.declare(cython.int, LAYER_ID["icmpv6"])
_IGMP = cython.declare(cython.int, LAYER_ID["igmp"])
_UDP = cython.declare(cython.int, LAYER_ID["udp"])
_UDPLITE = cython.declare(cython.int, LAYER_ID["udplite"])
_SCTP = cython.declare(cython.int, LAYER_ID["sctp"])
_TCP = cython.declare(cython.int, LAYER_ID["tcp"])
_SLL = cython.declare(cython.int, LAYER_ID["sll"])
_RAW = cython.declare(cython.int, LAYER_ID["raw"])
_NULL = cython.declare(cython.int, LAYER_ID["null"])
_CHDLC = cython.declare(cython.int, LAYER_ID["chdlc"])
_FR = cython.declare(cython.int, LAYER_ID["fr"])
_FDDI = cython.declare(cython.int, LAYER_ID["fddi"])
_ARCNET = cython.declare(cython.int, LAYER_ID["arcnet"])
_IPOIB = cython.declare(cython.int, LAYER_ID["ipoib"])
_NFLOG = cython.declare(cython.int, LAYER_ID["nflog"])
_PKTAP = cython.declare(cython.int, LAYER_ID["pktap"])
_IPNET = cython.declare(cython.int, LAYER_ID["ipnet"])
_CFP = cython.declare(cython.int, LAYER_ID["cfp"])
_ETAG = cython.declare(cython.int, LAYER_ID["etag"])
_CMD = cython.declare(cython.int, LAYER_ID["cmd"])
_WLAN = cython.declare(cython.int, LAYER_ID["wlan"])
_RADIOTAP = cython.declare(cython.int, LAYER_ID["radiotap"])
_RADIO = cython.declare(cython.int, LAYER_ID["wlan_radio"])
_PRISM = cython.declare(cython.int, LAYER_ID["prism"])
_AVS = cython.declare(cython.int, LAYER_ID["avs"])
_PPI = cython.declare(cython.int, LAYER_ID["ppi"])
_DATA = cython.declare(cython.int, LAYER_ID["data"])
_FRAME = cython.declare(cython.int, LAYER_ID["frame"])
_PATH_PRIME = cython.declare(cython.ulonglong, 0x100000001B3)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_SLOTS = cython.declare(cython.ulonglong, 4096)
MOST_PATHS = 4096
"""Distinct layer paths that are named; more than the protocols allow for only come from an attack."""


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _layer(p: Packet, layer: cython.int, linktype: cython.int) -> cython.int:
    """Decode one layer; answers the next."""
    if layer == _ETHERTYPE:
        return ethertype(p)
    if layer == _IP:
        return ip4(p)
    if layer == _TCP:
        return tcp(p)
    if layer == _ETH or layer == _CFP:
        return ethernet(p)
    if layer == _UDP or layer == _UDPLITE:
        return udp(p)
    if layer == _IPV6:
        return ip6(p)
    if layer == _VLAN or layer == _SVLAN:
        return vlan(p)
    if layer == _ICMP:
        return icmp(p)
    if layer == _ICMPV6:
        return icmp6(p)
    if layer == _ARP:
        return arp(p)
    if _HOPOPTS <= layer <= _AH:
        return ip6_extension(p)
    if layer == _LLC:
        return llc(p)
    if layer == _GRE:
        return gre(p)
    if layer == _ERSPAN:
        return erspan(p)
    if layer == _VXLAN:
        return vxlan(p)
    if layer == _GENEVE:
        return geneve(p)
    if layer == _GTP:
        return gtp(p)
    if layer == _SCTP:
        return sctp(p)
    if layer == _IGMP:
        return igmp(p)
    if layer == _MPLS:
        return mpls(p)
    if layer == _PPPOES or layer == _PPPOED:
        return pppoe(p)
    if layer == _PPP:
        return ppp_hdlc(p) if p.depth == 1 and linktype != 166 else ppp(p)
    if layer == _TEREDO:
        return teredo(p)
    if layer == _L2TP:
        return l2tp(p)
    if layer == _NHRP:
        return nhrp(p)
    if layer == _PIM:
        return pim(p)
    if layer == _SLL:
        return cooked(p, linktype)
    if layer == _RAW:
        return raw(p)
    if layer == _NULL:
        return null(p, linktype)
    if layer == _WLAN or layer == _RADIO:
        return wlan(p)
    if layer == _RADIOTAP:
        return radiotap(p)
    if layer == _PRISM:
        return prism(p)
    if layer == _AVS:
        return avs(p)
    if layer == _PPI:
        return ppi(p)
    if layer == _CHDLC or layer == _FR:
        return serial(p, linktype)
    if _FDDI <= layer <= _IPNET:
        return local(p, linktype)
    if _ETAG <= layer <= _CMD:
        return tag(p)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _flow(p: Packet) -> cython.int:
    """`shoal.flow_id`: of the quoted packet where one is, else of the addresses, and ports where there are any."""
    row: cython.Py_ssize_t = p.row
    a: cython.ulonglong
    b: cython.ulonglong
    proto: cython.int
    k: cython.Py_ssize_t
    high: cython.ulonglong
    low: cython.ulonglong
    if p.flow:
        p.u64[_FLOW_ID, row] = p.flow
        return 0
    if p.lane[_L_IP, row] == _IP_DST:
        a = cython.cast(cython.ulonglong, p.u32[_SRC4, row]) << 16
        b = cython.cast(cython.ulonglong, p.u32[_DST4, row]) << 16
        proto = p.u8[_PROTO, row]
    elif p.lane[_L_IPV6, row] == _IPV6_DST:
        high = low = 0
        for k in range(8):
            high = (high << 8) | p.b16[_SRC6, row, k]
            low = (low << 8) | p.b16[_SRC6, row, k + 8]
        a = mix(high ^ mix(low))
        high = low = 0
        for k in range(8):
            high = (high << 8) | p.b16[_DST6, row, k]
            low = (low << 8) | p.b16[_DST6, row, k + 8]
        b = mix(high ^ mix(low))
        proto = p.u8[_NXT, row]
    else:
        return 0
    if p.lane[_L_TCP, row]:
        a ^= p.u16[_TCP_SRC, row]
        b ^= p.u16[_TCP_DST, row]
        proto = 6
    elif p.lane[_L_UDP, row]:
        a ^= p.u16[_UDP_SRC, row]
        b ^= p.u16[_UDP_DST, row]
        proto = 17
    elif p.lane[_L_SCTP, row]:
        a ^= p.u16[_SCTP_SRC, row]
        b ^= p.u16[_SCTP_DST, row]
        proto = 132
    p.u64[_FLOW_ID, row] = pair(a, b, proto)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _walk(p: Packet, layer: cython.int, linktype: cython.int) -> cython.int:
    """Decode layer after layer. Each step is a layer deeper, so that it ends."""
    p.depth = 0
    p.path = 0
    while layer != 0 and p.depth < _DEPTH:
        p.depth += 1
        p.layer = layer
        p.layers[p.depth - 1] = layer
        p.path = ((p.path ^ cython.cast(cython.ulonglong, layer)) * _PATH_PRIME + layer) & _MASK
        if layer == _DATA or layer == _FRAME:
            break
        layer = _layer(p, layer, linktype)
    return 0


@cython.cclass
class Decoder:
    """Decodes frames into columns, and keeps the dictionary of layer paths (`frame.protocols`) from batch to batch."""

    def __init__(self) -> None:
        self._packet = Packet()
        self._texts = ["..."]
        self._seen = {}
        keys = np.zeros(_SLOTS, np.uint64)
        codes = np.zeros(_SLOTS, np.uint32)
        self._keys = keys if cython.compiled else memoryview(keys)
        self._codes = codes if cython.compiled else memoryview(codes)

    def decode(self, frames: Frames, out: Columns) -> None:
        """Clear `out` and fill it: one row for each frame, whatever is in it.

        Raises ValueError for more frames than `out` has rows for.
        """
        n: cython.Py_ssize_t = len(frames)
        if n > out.capacity:
            raise ValueError(f"{n} frames do not fit into {out.capacity} rows")
        out.clear()
        out.rows = n
        out.raw_buffer = frames.buffer
        out.raw_offset = frames.offset
        out.raw_length = frames.cap_len
        out.u64[_NUMBER, :n] = np.arange(frames.first, frames.first + n, dtype=np.uint64)
        out.u64[_TIME, :n] = frames.time.view(np.uint64)
        out.u32[_FRAME_LEN, :n] = frames.length
        out.u32[_CAP_LEN, :n] = frames.cap_len
        told = frames.interface != NO_INTERFACE
        if told.any():
            out.u16[_INTERFACE, :n] = np.where(told, frames.interface, 0)
            out.lane[_L_INTERFACE, :n] = told
        if frames.flags is not None:
            told = frames.flags != NO_FLAGS
            out.u32[_FLAGS, :n] = np.where(told, frames.flags, 0)
            out.lane[_L_FLAGS, :n] = told
        out.u16[_LINKTYPE, :n] = frames.linktype
        self._packet.bind(out)
        self._rows(frames, out, n)
        out.texts = self._texts

    @cython.cfunc
    def _rows(self, frames: Frames, out: Any, n: cython.Py_ssize_t) -> object:
        data: cython.const[cython.uchar][::1] = memoryview(frames.buffer)
        plain = not cython.compiled
        offset: cython.const[cython.longlong][::1] = memoryview(frames.offset) if plain else frames.offset
        caps: cython.const[cython.uint][::1] = memoryview(frames.cap_len) if plain else frames.cap_len
        lens: cython.const[cython.uint][::1] = memoryview(frames.length) if plain else frames.length
        links: cython.const[cython.ushort][::1] = memoryview(frames.linktype) if plain else frames.linktype
        code: cython.uint[:, ::1] = memoryview(out.code) if plain else out.code
        vlans: cython.int[::1] = memoryview(out.lists["vlan"].offsets) if plain else out.lists["vlan"].offsets
        labels: cython.int[::1] = memoryview(out.lists["mpls"].offsets) if plain else out.lists["mpls"].offsets
        blocks: cython.int[::1] = memoryview(out.lists["sack"].offsets) if plain else out.lists["sack"].offsets
        outers: cython.int[::1] = memoryview(out.lists["outer"].offsets) if plain else out.lists["outer"].offsets
        protocols: cython.Py_ssize_t = _PROTOCOLS
        p: Packet = self._packet
        i: cython.Py_ssize_t
        start: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        size: cython.Py_ssize_t = data.shape[0]
        p.data = data
        with cython.nogil:
            for i in range(n):
                start = offset[i]
                if start < 0 or start + caps[i] > size:
                    with cython.gil:
                        raise ValueError(f"frame {i} of the batch lies outside of its buffer")
                p.row = i
                p.at = start
                p.end = start + caps[i]
                p.full = start + (lens[i] if lens[i] > caps[i] else caps[i])
                p.next = 0
                p.flow = 0
                p.row_vlans = p.row_labels = p.row_blocks = p.row_outers = 0
                _walk(p, first_layer(links[i]), links[i])
                if p.at <= p.end and p.at - start <= 0xFFFF:
                    p.u16[_OFFSET, i] = p.at - start
                    p.u32[_LENGTH, i] = p.end - p.at
                _flow(p)
                vlans[i + 1] = p.vlans
                labels[i + 1] = p.labels
                blocks[i + 1] = p.blocks
                outers[i + 1] = p.outers
                slot = p.path & (_SLOTS - 1)
                if self._keys[slot] != p.path:
                    with cython.gil:
                        self._codes[slot] = self._path(p)
                    self._keys[slot] = p.path
                code[protocols, i] = self._codes[slot]
        return None

    @cython.cfunc
    def _path(self, p: Packet) -> cython.uint:
        """The code of the path of the frame just decoded; 0 stands for all paths past the most that are kept."""
        key = int(p.path)
        code = self._seen.get(key)
        if code is None:
            if len(self._texts) >= MOST_PATHS:
                return 0
            code = len(self._texts)
            self._seen[key] = code
            self._texts.append(":".join(LAYERS[p.layers[k]] for k in range(p.depth)))
        return code


def decode(frames: Frames, out: Columns) -> None:
    """`Decoder.decode` with a decoder that lives as long as `out`."""
    decoder = _decoders.get(out)
    if decoder is None:
        decoder = _decoders[out] = Decoder()
    decoder.decode(frames, out)


_decoders: WeakKeyDictionary[Columns, Decoder] = WeakKeyDictionary()

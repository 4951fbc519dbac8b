"""One line a frame, as tshark and tcpdump show it: number, time, ends, protocol, length, and what it is about.

The line is a list of fields like any other, so the compiled writer prints it; this module only says what stands where.
Sequence numbers and the window of TCP are relative and scaled where the engine has seen to it, else as sent; what it
makes of a segment stands in front, in Wireshark's words.
"""

from __future__ import annotations

from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.schema import LAYERS, PACKETS
from pipeline.schema.shown import Form, Source, form_of

_PROTOCOLS = {
    "ip": "IPv4", "ipv6": "IPv6", "icmpv6": "ICMPv6", "udplite": "UDP-Lite", "eth": "Ethernet", "wlan": "802.11",
    "pppoed": "PPPoED", "pppoes": "PPPoES", "ipv6.hopopts": "IPv6", "ipv6.routing": "IPv6", "ipv6.fraghdr": "IPv6",
    "ipv6.dstopts": "IPv6", "ipv6.shim6": "IPv6", "ipv6.mipv6": "MIPv6", "raw": "Raw", "gtpprime": "GTP'",
}
_PASSED_OVER = ("data", "ethertype", "none", "frame", "vlan", "ieee8021ad")

_TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")
_ICMP_TYPES = {
    0: "Echo (ping) reply", 3: "Destination unreachable", 4: "Source quench", 5: "Redirect", 8: "Echo (ping) request",
    9: "Router advertisement", 10: "Router solicitation", 11: "Time-to-live exceeded", 12: "Parameter problem",
    13: "Timestamp request", 14: "Timestamp reply", 17: "Address mask request", 18: "Address mask reply",
}
_UNREACHABLE = {
    0: " (Network unreachable)", 1: " (Host unreachable)", 2: " (Protocol unreachable)", 3: " (Port unreachable)",
    4: " (Fragmentation needed)", 5: " (Source route failed)", 9: " (Network administratively prohibited)",
    10: " (Host administratively prohibited)", 13: " (Communication administratively filtered)",
}
_ICMPV6_TYPES = {
    1: "Destination unreachable", 2: "Packet too big", 3: "Time exceeded", 4: "Parameter problem",
    128: "Echo (ping) request", 129: "Echo (ping) reply", 130: "Multicast listener query",
    131: "Multicast listener report", 132: "Multicast listener done", 133: "Router solicitation",
    134: "Router advertisement", 135: "Neighbor solicitation", 136: "Neighbor advertisement", 137: "Redirect",
    143: "Multicast listener report v2",
}
_IGMP_TYPES = {0x11: "Membership query", 0x12: "Membership report v1", 0x16: "Membership report v2",
               0x17: "Leave group", 0x22: "Membership report v3"}


def protocol(layers: str) -> str:
    """The innermost protocol that has a name, of a `frame.protocols` text: what is shown where the engine gave none."""
    for layer in reversed(layers.split(":")):
        if layer and layer not in _PASSED_OVER:
            return _PROTOCOLS.get(layer, layer.upper())
    return "Ethernet" if layers.startswith("eth") else "Data"


def _words(texts: dict[int, str], size: int, other: str) -> Form:
    return Form("word", words=tuple(texts.get(i, f"{other} {i}") for i in range(size)))


def _flags(value: int) -> str:
    return ", ".join(name for i, name in enumerate(_TCP_FLAGS) if value >> i & 1) or "<None>"


def _of(name: str, before: str = "", when: tuple[str, tuple[int, ...]] | None = None, form: Form | None = None,
        bits: tuple[int, int] | None = None) -> Source:
    return Source((name,), form or form_of(PACKETS.by_name[name]), when=when, before=(before,) if before else (),
                  bits=bits)


def _said(name: str, text: str, when: tuple[str, tuple[int, ...]] | None = None) -> Source:
    """A text that stands where a column has a value."""
    return Source((name,), Form("word", words=(text,)), when=when)


def _marked(name: str, text: str) -> Source:
    """A text with the layer that an enumeration of layers names, and nothing for none."""
    return _of(name, form=Form("word", words=("", *(text.format(layer) for layer in LAYERS[1:]), "")))


def _mark(name: str, *texts: str) -> Source:
    """A text in brackets where a mark of the analysis is set; of several texts, which stand for that mark and those
    that follow it, the one of the highest."""
    bits_of = PACKETS.by_name[f"tcp.analysis.{name}"].bits_of
    assert bits_of is not None
    stored, shift, _ = bits_of
    words = ("", *(f"[TCP {texts[value.bit_length() - 1]}] " for value in range(1, 1 << len(texts))))
    return _of(stored, form=Form("word", words=words), bits=(shift, len(words) - 1))


_REQUEST, _REPLY = ("arp.opcode", (1,)), ("arp.opcode", (2,))

# In the order of Wireshark's Info column, which puts each finding in front of those before it.
_ANALYSIS = (
    _mark("zero_window_probe_ack", "ZeroWindowProbeAck"),
    _mark("zero_window", "ZeroWindow"),
    _mark("zero_window_probe", "ZeroWindowProbe"),
    _of("tcp.analysis.duplicate_ack_frame", "[TCP Dup ACK "),
    _of("tcp.analysis.duplicate_ack_num", "#"),
    _said("tcp.analysis.duplicate_ack_num", "] "),
    _mark("keep_alive_ack", "Keep-Alive ACK"),
    _mark("keep_alive", "Keep-Alive"),
    _mark("window_full", "Window Full"),
    _mark("window_update", "Window Update"),
    _mark("ack_lost_segment", "ACKed unseen segment"),
    _mark("lost_segment", "Previous segment not captured"),
    _mark("out_of_order", "Out-Of-Order"),
    _mark("retransmission", "Retransmission", "Fast Retransmission", "Spurious Retransmission"),
    _mark("reused_ports", "Port numbers reused"),
)

_TCP = (
    _of("tcp.srcport"),
    _of("tcp.dstport", " → "),
    _of("tcp.flags", " [", form=Form("word", words=tuple(_flags(i) + "]" for i in range(512))), bits=(0, 511)),
)
_SEQ = (_of("tcp.seq", " Seq="), _of("tcp.seq_raw", " Seq="))
_ACK = (
    _of("tcp.ack", " Ack=", when=("tcp.flags.ack", (1,))),
    _of("tcp.ack_raw", " Ack=", when=("tcp.flags.ack", (1,))),
)
_WINDOW = (_of("tcp.window_size", " Win="), _of("tcp.window_size_value", " Win="))

_INFO = (
    _of("tcp.urgent_pointer", " Urg=", when=("tcp.flags.urg", (1,))),
    _of("tcp.len", " Len="),
    _of("tcp.options.mss_val", " MSS="),
    _said("tcp.options.sack_perm", " SACK_PERM"),
    _of("tcp.options.timestamp.tsval", " TSval="),
    _of("tcp.options.timestamp.tsecr", " TSecr="),
    _of("tcp.options.wscale.shift", " WS=", form=Form("word", words=tuple(str(1 << min(i, 14)) for i in range(15)))),
    Source(("tcp.options.sack_le", "tcp.options.sack_re"), Form("dec"), "sack", before=(" SLE=", " SRE=")),
    _of("udp.srcport"),
    _of("udp.dstport", " → "),
    _of("udp.length", " Length="),
    _of("sctp.srcport"),
    _of("sctp.dstport", " → "),
    _of("arp.dst.proto_ipv4", "Who has ", when=_REQUEST),
    _of("arp.src.proto_ipv4", "? Tell ", when=_REQUEST),
    _of("arp.src.proto_ipv4", when=_REPLY),
    _of("arp.src.hw_mac", " is at ", when=_REPLY),
    _of("icmp.type", form=_words(_ICMP_TYPES, 256, "Type")),
    _of("icmp.code", form=_words(_UNREACHABLE, 256, " Code"), when=("icmp.type", (3,))),
    _of("icmp.ident", " id=", form=Form("hex", 4)),
    _of("icmp.seq", " seq="),
    _of("icmp.mtu", " MTU="),
    _of("icmp.redir_gw", " to "),
    _of("icmpv6.type", form=_words(_ICMPV6_TYPES, 256, "Type")),
    _of("icmpv6.echo.identifier", " id="),
    _of("icmpv6.echo.sequence_number", " seq="),
    _of("icmpv6.mtu", " MTU="),
    _of("icmpv6.nd.ns.target_address", " for "),
    _of("icmpv6.nd.na.target_address", " of "),
    _of("igmp.type", form=_words(_IGMP_TYPES, 256, "Type")),
    _of("igmp.maddr", " "),
    _said("ip.flags", " [more fragments]", when=("ip.flags.mf", (1,))),
    _said("ipv6.fraghdr.offset", " [fragment]"),
    _marked("shoal.short", " [cut in {}]"),
    _marked("shoal.malformed", " [malformed {}]"),
)


_LINE = (
    PrintedField((_of("frame.number"),), width=5),
    PrintedField((Source(("frame.time",), Form("relative", digits=6)),), gap=" ", width=10),
    PrintedField((_of("ip.src"), _of("ipv6.src"), _of("eth.src"), _of("sll.src.eth")), "f", gap=" ", width=12),
    PrintedField((_of("ip.dst"), _of("ipv6.dst"), _of("eth.dst")), "f", gap=" → ", width=-12),
    PrintedField((_of("_ws.col.Protocol"), _of("frame.protocols", form=Form("text", spell=protocol))), "f", gap=" "),
    PrintedField((_of("frame.len"),), gap=" "),
    PrintedField(_ANALYSIS, join="", gap=" "),
    PrintedField(_TCP, join=""),
    PrintedField(_SEQ, "f"),
    PrintedField(_ACK, "f"),
    PrintedField(_WINDOW, "f"),
    PrintedField(_INFO, join=""),
)


def summary_writer() -> FieldWriter:
    """A writer of one line a frame, for the batches of one capture."""
    return FieldWriter(_LINE)

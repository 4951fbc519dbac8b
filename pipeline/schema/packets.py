"""The record `packets`: one row for each frame, columns by Wireshark's field names.

Order within a lane is the order of the fields on the wire, so that a header cut short keeps its leading fields.
"""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup, Record
from pipeline.schema.layers import LAYERS

_FRAME = (
    C("sensor", "label", "Name of the sensor that captured the frame (a file's: `--sensor`)"),
    C("capture", "label", "The file (hash of its content) or the run of a collector that the frame belongs to"),
    C("shoal.day", "day", "UTC day of the first frame of the record batch; the partition"),
    C("frame.number", "u64", "Number of the frame in its capture, from 1", codec="Delta, LZ4"),
    C("frame.time", "time", "When the frame was captured", unit="ns since 1970-01-01 UTC", codec="Delta, ZSTD(1)"),
    C("frame.len", "u32", "Length on the wire", unit="bytes"),
    C("frame.cap_len", "u32", "Length captured", unit="bytes"),
    C("frame.interface_id", "u16", "Index of the interface in its pcapng section, or of the collector",
      "frame.interface_id"),
    C("frame.packet_flags", "u32", "Flags of the frame, as pcapng's epb_flags and live captures tell them",
      "frame.packet_flags", show="hex"),
    C("frame.packet_flags_direction", "u32", "1 in, 2 out, 0 not told", show="hex",
      bits_of=("frame.packet_flags", 0, 3)),
    C("frame.packet_flags_reception_type", "u8", "1 to us, 2 multicast, 3 broadcast, 4 to another host, 0 not told",
      bits_of=("frame.packet_flags", 2, 7)),
    C("shoal.linktype", "u16", "Link type of the interface (LINKTYPE_ registry)"),
    C("frame.protocols", "text", "Layers that were decoded, joined by colons"),
    C("_ws.col.Protocol", "text", "The packet's top protocol, as Wireshark's column names it", "_ws.col.Protocol"),
    C("shoal.short", "enum", "Layer that the snap length cut", names=LAYERS),
    C("shoal.malformed", "enum", "Layer whose own lengths do not fit", names=LAYERS),
    C("shoal.flow_id", "u64", "Symmetric hash of the innermost conversation; 0 where there is none"),
    C("shoal.payload.offset", "u16", "Where the innermost decoded layer's payload starts in frame.raw", unit="bytes"),
    C("shoal.payload.len", "u32", "Captured bytes of that payload", unit="bytes"),
)

_LINK = (
    C("eth.dst", "mac", "Destination hardware address of the frame as captured", "eth"),
    C("eth.src", "mac", "Source hardware address of the frame as captured", "eth"),
    C("eth.type", "u16", "EtherType of the outermost Ethernet header", "eth.type", show="hex"),
    C("eth.len", "u16", "Length field of an 802.3 frame", "eth.len", unit="bytes"),
    C("shoal.inner.eth.dst", "mac", "Destination of the Ethernet header inside a tunnel", "inner.eth"),
    C("shoal.inner.eth.src", "mac", "Source of the Ethernet header inside a tunnel", "inner.eth"),
    C("shoal.inner.eth.type", "u16", "EtherType of the Ethernet header inside a tunnel", "inner.eth.type", show="hex"),
    C("shoal.inner.eth.len", "u16", "Length field of an 802.3 header inside a tunnel", "inner.eth.len", unit="bytes"),
    C("llc.dsap", "u8", "Destination service access point", "llc", show="hex"),
    C("llc.ssap", "u8", "Source service access point", "llc", show="hex"),
    C("llc.control", "u16", "LLC control field", "llc", show="hex"),
    C("llc.oui", "u32", "Organization code of the SNAP header", "snap"),
    C("llc.type", "u16", "Protocol of the SNAP header, where the organization is 0", "snap.type", show="hex"),
    C("sll.pkttype", "u16", "Linux cooked capture: packet type", "sll"),
    C("sll.hatype", "u16", "Linux cooked capture: ARPHRD_ type of the device", "sll"),
    C("sll.src.eth", "mac", "Linux cooked capture: link layer address of the sender", "sll.src"),
    C("sll.etype", "u16", "Linux cooked capture: protocol", "sll.etype", show="hex"),
    C("pppoe.code", "u8", "PPPoE code", "pppoe", show="hex"),
    C("pppoe.session_id", "u16", "PPPoE session", "pppoe", show="hex"),
    C("pppoe.payload_length", "u16", "PPPoE payload length", "pppoe", unit="bytes"),
    C("ppp.protocol", "u16", "PPP protocol", "ppp", show="hex"),
    C("arp.hw.type", "u16", "Hardware type", "arp"),
    C("arp.proto.type", "u16", "Protocol type", "arp", show="hex"),
    C("arp.hw.size", "u8", "Hardware address length", "arp", unit="bytes"),
    C("arp.proto.size", "u8", "Protocol address length", "arp", unit="bytes"),
    C("arp.opcode", "u16", "Operation: 1 request, 2 reply", "arp"),
    C("arp.src.hw_mac", "mac", "Sender hardware address", "arp.src.hw"),
    C("arp.src.proto_ipv4", "ipv4", "Sender protocol address", "arp.src.proto"),
    C("arp.dst.hw_mac", "mac", "Target hardware address", "arp.dst.hw"),
    C("arp.dst.proto_ipv4", "ipv4", "Target protocol address", "arp.dst.proto"),
    C("arp.isgratuitous", "bool", "Sender and target protocol address are one", "arp.isgratuitous"),
    C("arp.duplicate-address-detected", "bool",
      "The sender's protocol address was last used by another hardware address", "arp.duplicate"),
)

_TUNNEL = (
    C("gre.flags_and_version", "u16", "GRE flags and version", "gre", show="hex"),
    C("gre.proto", "u16", "GRE protocol", "gre", show="hex"),
    C("gre.key", "u32", "GRE key", "gre.key", show="hex"),
    C("vxlan.flags", "u16", "VXLAN flags", "vxlan", show="hex"),
    C("vxlan.vni", "u32", "VXLAN network identifier", "vxlan"),
    C("geneve.vni", "u32", "GENEVE network identifier", "geneve", show="hex"),
    C("gtp.flags", "u8", "GTP flags", "gtp", show="hex"),
    C("gtp.message", "u8", "GTP message type", "gtp", show="hex"),
    C("gtp.length", "u16", "GTP length", "gtp", unit="bytes"),
    C("gtp.teid", "u32", "GTP tunnel endpoint identifier", "gtp", show="hex"),
)


def _ip_bits(name: str, source: str, shift: int, mask: int, meaning: str) -> C:
    return C(name, "u8", meaning, bits_of=(source, shift, mask))


_IP = (
    C("ip.version", "u8", "IP version of the innermost conversation", "ip.version"),
    C("ip.hdr_len", "u8", "Header length", "ip", unit="bytes"),
    C("ip.dsfield", "u8", "Differentiated services field", "ip", show="hex"),
    C("ip.len", "u16", "Total length", "ip", unit="bytes"),
    C("ip.id", "u16", "Identification", "ip", show="hex"),
    C("ip.flags", "u8", "Flags", "ip", show="hex"),
    C("ip.frag_offset", "u16", "Fragment offset", "ip", unit="8 bytes"),
    C("ip.ttl", "u8", "Time to live", "ip", unit="hops"),
    C("ip.proto", "u8", "Protocol of the payload", "ip"),
    C("ip.checksum", "u16", "Header checksum", "ip", show="hex"),
    C("ip.src", "ipv4", "Source address", "ip"),
    C("ip.dst", "ipv4", "Destination address", "ip"),
    _ip_bits("ip.dsfield.dscp", "ip.dsfield", 2, 63, "Differentiated services codepoint"),
    _ip_bits("ip.dsfield.ecn", "ip.dsfield", 0, 3, "Explicit congestion notification"),
    _ip_bits("ip.flags.rb", "ip.flags", 2, 1, "Reserved bit"),
    _ip_bits("ip.flags.df", "ip.flags", 1, 1, "Don't fragment"),
    _ip_bits("ip.flags.mf", "ip.flags", 0, 1, "More fragments"),
    C("ipv6.tclass", "u8", "Traffic class", "ipv6", show="hex"),
    C("ipv6.flow", "u32", "Flow label", "ipv6", show="hex"),
    C("ipv6.plen", "u16", "Payload length", "ipv6", unit="bytes"),
    C("ipv6.nxt", "u8", "Next header", "ipv6"),
    C("ipv6.hlim", "u8", "Hop limit", "ipv6", unit="hops"),
    C("ipv6.src", "ipv6", "Source address", "ipv6"),
    C("ipv6.dst", "ipv6", "Destination address", "ipv6"),
    C("ipv6.fraghdr.nxt", "u8", "Fragment header: next header", "ipv6.fraghdr"),
    C("ipv6.fraghdr.offset", "u16", "Fragment header: offset", "ipv6.fraghdr", unit="8 bytes"),
    C("ipv6.fraghdr.more", "bool", "Fragment header: more fragments", "ipv6.fraghdr"),
    C("ipv6.fraghdr.ident", "u32", "Fragment header: identification", "ipv6.fraghdr", show="hex"),
    C("ipv6.routing.type", "u8", "Routing header: type", "ipv6.routing"),
)

_CONTROL = (
    C("icmp.type", "u8", "ICMP type", "icmp"),
    C("icmp.code", "u8", "ICMP code", "icmp"),
    C("icmp.checksum", "u16", "ICMP checksum", "icmp", show="hex"),
    C("icmp.ident", "u16", "Identifier of an echo, timestamp or address mask message, or of the quoted echo",
      "icmp.echo"),
    C("icmp.seq", "u16", "Sequence number of such a message", "icmp.echo"),
    C("icmp.mtu", "u16", "MTU of the next hop, where fragmentation was needed", "icmp.mtu", unit="bytes"),
    C("icmp.redir_gw", "ipv4", "Gateway of a redirect", "icmp.redir_gw"),
    C("icmpv6.type", "u8", "ICMPv6 type", "icmpv6"),
    C("icmpv6.code", "u8", "ICMPv6 code", "icmpv6"),
    C("icmpv6.checksum", "u16", "ICMPv6 checksum", "icmpv6", show="hex"),
    C("icmpv6.echo.identifier", "u16", "Identifier of an echo", "icmpv6.echo", show="hex"),
    C("icmpv6.echo.sequence_number", "u16", "Sequence number of an echo", "icmpv6.echo"),
    C("icmpv6.mtu", "u32", "MTU of the next hop", "icmpv6.mtu", unit="bytes"),
    C("icmpv6.nd.ns.target_address", "ipv6", "Target of a neighbour solicitation", "icmpv6.nd.ns"),
    C("icmpv6.nd.na.target_address", "ipv6", "Target of a neighbour advertisement", "icmpv6.nd.na"),
    C("igmp.type", "u8", "IGMP type", "igmp", show="hex"),
    C("igmp.checksum", "u16", "IGMP checksum", "igmp", show="hex"),
    C("igmp.maddr", "ipv4", "Multicast group", "igmp.maddr"),
)

# The header fields that are kept of every IP header which is not the row's own, with its transport ports.
_HEADER: tuple[tuple[str, str, str, str], ...] = (
    ("version", "u8", "IP version", "dec"),
    ("src", "ipv6", "Source address (IPv4 as ::ffff:a.b.c.d)", "dec"),
    ("dst", "ipv6", "Destination address", "dec"),
    ("ttl", "u8", "Time to live or hop limit", "dec"),
    ("proto", "u8", "Protocol or next header", "dec"),
    ("id", "u16", "Identification (IPv4)", "hex"),
    ("len", "u16", "Total length (IPv4) or payload length (IPv6)", "dec"),
    ("dsfield", "u8", "Differentiated services field or traffic class", "hex"),
    ("flags", "u8", "Flags (IPv4)", "hex"),
    ("frag_offset", "u16", "Fragment offset (IPv4)", "dec"),
    ("srcport", "u16", "UDP, TCP or SCTP source port", "dec"),
    ("dstport", "u16", "UDP, TCP or SCTP destination port", "dec"),
    ("ports", "u8", "Protocol of the ports that were there: 6, 17, 132 or 136, else 0", "dec"),
    ("udp_length", "u16", "UDP length", "dec"),
    ("udp_checksum", "u16", "UDP checksum", "hex"),
    ("hdr_len", "u8", "Header length (IPv4)", "dec"),
    ("checksum", "u16", "Header checksum (IPv4)", "hex"),
    ("flow", "u32", "Flow label (IPv6)", "hex"),
)

_QUOTED = tuple(
    C(f"shoal.quoted.{name}", kind, f"Of the packet that an ICMP error quotes: {meaning[0].lower()}{meaning[1:]}",
      "quoted", show=show)
    for name, kind, meaning, show in _HEADER
) + (
    C("shoal.quoted.stream", "u32", "Of the packet that an ICMP error quotes: its udp.stream or tcp.stream",
      "quoted.stream"),
)

_TRANSPORT = (
    C("udp.srcport", "u16", "Source port", "udp"),
    C("udp.dstport", "u16", "Destination port", "udp"),
    C("udp.length", "u16", "Length of header and payload", "udp.length", unit="bytes"),
    C("udp.checksum", "u16", "Checksum", "udp.checksum", show="hex"),
    C("udp.stream", "u32", "Index of the UDP conversation in its capture", "udp.stream"),
    C("sctp.srcport", "u16", "Source port", "sctp"),
    C("sctp.dstport", "u16", "Destination port", "sctp"),
    C("sctp.verification_tag", "u32", "Verification tag", "sctp", show="hex"),
    C("sctp.chunk_type", "u8", "Type of the first chunk", "sctp.chunk"),
    C("tcp.srcport", "u16", "Source port", "tcp"),
    C("tcp.dstport", "u16", "Destination port", "tcp"),
    C("tcp.hdr_len", "u8", "Header length", "tcp.hdr_len", unit="bytes"),
    C("tcp.seq_raw", "u32", "Sequence number as sent", "tcp.seq"),
    C("tcp.ack_raw", "u32", "Acknowledgment number as sent", "tcp.ack"),
    C("tcp.flags", "u16", "Flags", "tcp.flags", show="hex"),
    C("tcp.window_size_value", "u16", "Window as sent, not scaled", "tcp.window"),
    C("tcp.checksum", "u16", "Checksum", "tcp.checksum", show="hex"),
    C("tcp.urgent_pointer", "u16", "Urgent pointer", "tcp.urgent"),
    C("tcp.len", "u32", "Payload length", "tcp.len", unit="bytes"),
    C("tcp.stream", "u32", "Index of the TCP conversation in its capture", "tcp.stream"),
    C("tcp.options.mss_val", "u16", "Maximum segment size", "tcp.options.mss", unit="bytes"),
    C("tcp.options.wscale.shift", "u8", "Window scale shift", "tcp.options.wscale", unit="bits"),
    C("tcp.options.sack_perm", "bool", "SACK permitted", "tcp.options.sack_perm", show="0402"),
    C("tcp.options.timestamp.tsval", "u32", "Timestamp value", "tcp.options.timestamp"),
    C("tcp.options.timestamp.tsecr", "u32", "Timestamp echo reply", "tcp.options.timestamp"),
    C("tcp.options.tfo.cookie", "bytes16", "Fast open cookie", "tcp.options.tfo.cookie"),
    C("tcp.options.tfo.request", "bool", "Fast open cookie request", "tcp.options.tfo.request", show="1"),
    C("tcp.options.mptcp.subtype", "u8", "Multipath TCP option subtype (of the first such option)",
      "tcp.options.mptcp"),
    *(
        C(f"tcp.flags.{name}", "u8", meaning, bits_of=("tcp.flags", shift, 1))
        for shift, name, meaning in (
            (8, "ae", "Accurate ECN"),
            (7, "cwr", "Congestion window reduced"),
            (6, "ece", "ECN echo"),
            (5, "urg", "Urgent"),
            (4, "ack", "Acknowledgment"),
            (3, "push", "Push"),
            (2, "reset", "Reset"),
            (1, "syn", "Synchronize"),
            (0, "fin", "Finish"),
        )
    ),
)

# What Wireshark's TCP dissector says of a segment, from the lowest bit of `shoal.tcp.analysis` on: name, meaning.
_MARKS: tuple[tuple[str, str], ...] = (
    ("tcp.analysis.retransmission", "Segment sent again, as Wireshark guesses"),
    ("tcp.analysis.fast_retransmission", "Sent again after duplicate acknowledgments"),
    ("tcp.analysis.spurious_retransmission", "Sent again although it was acknowledged"),
    ("tcp.analysis.out_of_order", "Segment out of order, as Wireshark guesses"),
    ("tcp.analysis.lost_segment", "The segment before was not captured"),
    ("tcp.analysis.ack_lost_segment", "Acknowledges a segment that was not captured"),
    ("tcp.analysis.duplicate_ack", "Duplicate acknowledgment"),
    ("tcp.analysis.window_update", "Window update"),
    ("tcp.analysis.window_full", "The segment fills the receiver's window"),
    ("tcp.analysis.zero_window", "The receiver's window is closed"),
    ("tcp.analysis.zero_window_probe", "Probe of a closed window"),
    ("tcp.analysis.zero_window_probe_ack", "Answer to a probe of a closed window"),
    ("tcp.analysis.keep_alive", "Keep-alive"),
    ("tcp.analysis.keep_alive_ack", "Answer to a keep-alive"),
    ("tcp.analysis.reused_ports", "Ports of an earlier connection used again"),
    ("tcp.analysis.tfo_syn", "SYN with data and a fast open cookie"),
    ("tcp.analysis.tfo_ack", "SYN and ACK that accepts the data of a fast open"),
    ("tcp.connection.syn", "Asks for a connection"),
    ("tcp.connection.synack", "Accepts a connection"),
    ("tcp.connection.fin", "Ends its direction of the connection"),
    ("tcp.connection.rst", "Resets the connection"),
)

# Stored by number: new ones go to the end.
CAUSES: tuple[str, ...] = ("none", "resent", "resent_needlessly", "reordered", "duplicated_by_network")

_ANALYSIS = (
    C("tcp.seq", "u32", "Sequence number, relative to the first of the stream", "tcp.seq.relative"),
    C("tcp.nxtseq", "u32", "Next sequence number, relative", "tcp.nxtseq"),
    C("tcp.ack", "u32", "Acknowledgment number, relative", "tcp.ack.relative"),
    C("tcp.window_size", "u32", "Window, scaled", "tcp.window_size", unit="bytes"),
    C("tcp.window_size_scalefactor", "i16", "Factor of the window: -1 unknown, -2 no scaling", "tcp.scalefactor"),
    C("tcp.time_relative", "seconds", "Time since the first frame of the stream", "tcp.time", unit="s"),
    C("tcp.time_delta", "seconds", "Time since the frame before in the stream", "tcp.time", unit="s"),
    C("tcp.completeness", "u8", "What the stream has had: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST",
      "tcp.completeness"),
    C("shoal.tcp.analysis", "u32", "The marks of the segment, a bit each; 0 where there is none", show="hex"),
    *(C(name, "mark", meaning, bits_of=("shoal.tcp.analysis", bit, 1)) for bit, (name, meaning) in enumerate(_MARKS)),
    C("shoal.tcp.cause", "enum", "Why the segment is there, where it is not simply the next one", names=CAUSES),
    C("tcp.analysis.duplicate_ack_num", "u32", "Which duplicate acknowledgment in a row it is, from 1", "tcp.dupack"),
    C("tcp.analysis.duplicate_ack_frame", "u32", "Frame of the acknowledgment that it repeats", "tcp.dupack"),
    C("tcp.analysis.rto", "seconds", "Time from the original, or what delayed it, to the segment sent again",
      "tcp.rto", unit="s"),
    C("tcp.analysis.rto_frame", "u32", "Frame from which that time is counted", "tcp.rto_frame"),
    C("tcp.analysis.acks_frame", "u32", "Frame of the segment that it acknowledges", "tcp.acks_frame"),
    C("tcp.analysis.ack_rtt", "seconds", "Time from that segment to this acknowledgment", "tcp.ack_rtt", unit="s"),
    C("tcp.analysis.initial_rtt", "seconds", "Round trip time of the handshake", "tcp.initial_rtt", unit="s"),
    C("tcp.analysis.bytes_in_flight", "u32", "Bytes sent and not acknowledged", "tcp.bytes_in_flight", unit="bytes"),
    C("tcp.analysis.push_bytes_sent", "u32", "Bytes sent since the last PSH", "tcp.push_bytes", unit="bytes"),
    # As Wireshark has it: neither fast open nor the connection's states count.
    C("tcp.analysis.flags", "mark", "Has a mark from tcp.analysis.retransmission to tcp.analysis.reused_ports",
      bits_of=("shoal.tcp.analysis", 0, (1 << 15) - 1)),
)

_GROUPS = (
    ListGroup("vlan", 8, (
        C("vlan.id", "u16", "VLAN identifiers, outermost first"),
        C("vlan.priority", "u8", "Priority code points"),
        C("vlan.dei", "u8", "Drop eligible indicators"),
        C("vlan.etype", "u16", "EtherType after each tag", show="hex"),
    )),
    ListGroup("mpls", 16, (
        C("mpls.label", "u32", "Labels, top of the stack first"),
        C("mpls.exp", "u8", "Traffic class bits"),
        C("mpls.ttl", "u8", "Time to live", unit="hops"),
    )),
    ListGroup("sack", 4, (
        C("tcp.options.sack_le", "u32", "Left edges of the SACK blocks, relative", unit="bytes"),
        C("tcp.options.sack_re", "u32", "Right edges of the SACK blocks, relative", unit="bytes"),
    )),
    ListGroup("outer", 8, tuple(
        C(f"shoal.outer.{name}", kind, f"Of each IP header outside the row's own, outermost first: {meaning}",
          show=show)
        for name, kind, meaning, show in (*_HEADER, ("stream", "u32", "udp.stream of the outer UDP header", "dec"))
    )),
)

PACKETS = Record(
    name="packets",
    meaning="One row for each frame",
    columns=(*_FRAME, *_LINK, *_TUNNEL, *_IP, *_CONTROL, *_QUOTED, *_TRANSPORT, *_ANALYSIS,
             C("frame.raw", "raw", "The frame as captured, up to the snap length", codec="ZSTD(1)")),
    groups=_GROUPS,
    order_by=("sensor", "capture", "frame.number"),
    partition_by="toMonday(`shoal.day`)",
    time="frame.time",
)

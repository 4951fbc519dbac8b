"""Why captures of the oracle differ: capture to reason. Not used by anything but the report."""

from __future__ import annotations

REASONS: dict[str, str] = {}


def _because(reason: str, *captures: str) -> None:
    REASONS.update(dict.fromkeys(captures, reason))


_because(
    "A fraction of a second of 1,000,000 microseconds or more: tshark prints it unnormalised, Shoal the instant "
    "that it means.",
    "aircrack-ng--wep_64_ptw_01.cap", "ndpi--fuzz-2021-06-07-c6c72a0a56.pcap", "ndpi--fuzz-2021-10-13.pcap",
    "tcpdump--rx_serviceid_oobr.pcap", "tcpdump--timestamp_invalid_micro.pcap",
)
_because(
    "Of the TCP header that an ICMP error quotes, tshark shows every field; Shoal keeps the addresses, ports "
    "and stream (`shoal.quoted.*`).",
    "ndpi--6in4tunnel.pcap", "suricata-verify--ipv6-evasion__frag-22.pcap",
    "suricata-verify--ipv6-evasion__kill_router6.pcap", "zeek--smtp.pcap",
)
_because(
    "The packet that an ICMPv6 error quotes has extension headers, or stands in a redirect's option: Shoal shows the "
    "quoted addresses, but not the ports behind them.",
    "zeek--icmp6-destunreach-ip6ext-udp.pcap", "zeek--icmp6-redirect-hdr-opt.pcap",
)
_because(
    "sFlow samples carry headers of other packets. tshark decodes them as if they were the frame's own; Shoal "
    "does not: the row tells of the conversation that was captured.",
    "ndpi--sflow.pcap", "tcpdump--sflow-print-v6.pcap", "tcpdump--sflow_expanded.pcap",
)
_because(
    "An S-tag (802.1ad) has fields of its own in Wireshark (`ieee8021ad.*`); Shoal lists all tags of the stack in "
    "`vlan.id`.",
    "tcpdump--802.1ad_QinQ.pcap", "tcpdump--arp-too-long-tha.pcap",
)
_because(
    "Linux's big TCP segments (over 65,535 bytes): tshark shows a length computed from the frame; `ip.len` is "
    "the field as sent, of 16 bits.",
    "tcpdump--bigtcp-ipv4-geneve-ipv4.pcap", "tcpdump--bigtcp-ipv4-vxlan-ipv4.pcap",
    "tcpdump--bigtcp-ipv4-vxlan-ipv6.pcap", "tcpdump--bigtcp-ipv4.pcap",
)
_because(
    "SunATM frames: tshark leaves the four bytes of the pseudo-header out of the frame's lengths.",
    "tcpdump--atm-heapoverflow.pcap", "tcpdump--atm-oam-heapoverflow.pcap",
    "tcpdump--atm-oam-loopback-print-overrun.pcap",
)
_because(
    "Protocols under the network layer that Shoal does not decode: ISL trunks, ATM with LANE or CLIP, Juniper's "
    "headers, bridged frame relay, AYIYA.",
    "tcpdump--DTP.pcap", "tcpdump--heap-overflow-2.pcap", "tcpdump--juniper_header-heapoverflow.pcap",
    "tcpdump--q933-heapoverflow-2.pcap", "zeek--ayiya-large-identity.pcap",
)
_because(
    "More layers than Shoal walks of one frame (48): left as data.",
    "zeek--pbb-recursive-frames.pcapng",
)
_because(
    "A header that is cut or does not fit: Shoal shows the fields that are there, where tshark gives the whole "
    "header up, or the other way round.",
    "tcpdump--arp-oobr.pcap", "zeek--ipv4-internally-truncated-header.pcap", "zeek--ipv6-mobility-dst-opts.pcap",
    "suricata-verify--bug-7414-decoder-event-01__ip_secopt.pcap",
)
_because(
    "Conversations that a SOCKS or VMess dissector announces take numbers of `tcp.stream` in Wireshark; they "
    "come with the TCP engine.",
    "ndpi--shadowsocks.pcap", "ndpi--socks.pcap", "ndpi--tls_heur__vmess-tcp-tls.pcapng",
    "ndpi--tls_heur__vmess-websocket.pcapng",
)
_because(
    "Conversations that a control connection announces (FTP's PORT and PASV, SIP over TCP): Wireshark makes them "
    "before their SYN, which then does not count for completeness. Open.",
    "suricata-verify--4441b2-ftp__input.pcap", "suricata-verify--c11f6e-ftp__input.pcap",
    "suricata-verify--c353aa-ftp__input.pcap", "suricata-verify--filestore-ftp-active-mode__ftp-active-mode.pcap",
    "suricata-verify--filestore-ftp-passive-mode__ftp-passive-mode.pcap",
    "suricata-verify--filestore-v2.7-stream-depth__input.pcap", "suricata-verify--sip-method__sip.pcap",
    "zeek--pe-single.pcap", "zeek--retr.pcap",
)
_because(
    "What decides an `ACKed unseen segment` that follows another one is not known in full. Open.",
    "ndpi--ndpi_match_string_subprotocol__error.pcapng", "zeek--fuzz-72.pcap",
    "suricata-verify--bug-5392__TPWhite-carved-out-7787-s1.pcap", "suricata-verify--http-gap-double__input.pcap",
)
_because(
    "Segments of damaged or strange captures (cut headers, fragments of TCP, SACK options without blocks) in the TCP "
    "analysis. Open.",
    "ndpi--fuzz-2006-06-26-2594.pcap", "ndpi--ip_fragmented_garbage.pcap", "ndpi--reasm_crash_anon.pcapng",
    "ndpi--reasm_segv_anon.pcapng", "suricata-verify--tcp-empty-sack__tcp-opt.pcap",
    "tcpdump--heapoverflow-tcp_print.pcap", "tcpdump--tcp-auth-heapoverflow.pcap", "zeek--cisco-fabric-path.pcap",
)

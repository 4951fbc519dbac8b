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
    "A TCP header that says it is shorter than 20 bytes: tshark counts its segment in the conversation's state, Shoal "
    "does not.",
    "ndpi--ip_fragmented_garbage.pcap", "ndpi--reasm_crash_anon.pcapng",
)
_because(
    "Of a TCP header cut before its flags tshark shows the ports alone, Shoal the numbers that are there.",
    "ndpi--fuzz-2006-06-26-2594.pcap",
)
_because(
    "DNS over QUIC, decrypted by tshark with the keys that the file has: Shoal decrypts no application data.",
    "ndpi--doq.pcapng",
)
_because(
    "TLS inside OpenVPN's control channel or RDP over UDP: Shoal does not put these together.",
    "ndpi--openvpn_nohmac.pcapng", "ndpi--443-opvn.pcap", "ndpi--rdp2.pcap",
)
_because(
    "QUIC that tshark decrypts with the keys that the file has: Shoal opens Initial packets, whose keys anyone has, "
    "and no others.",
    "ndpi--quic-33.pcapng",
)
_because(
    "Certificates in DTLS, or in Kerberos: tshark shows the texts of their names, Shoal those of TLS and QUIC.",
    "ndpi--dtls_certificate_fragments.pcap", "ndpi--stun_google_meet.pcapng", "ndpi--geforcenow.pcapng",
    "ndpi--stun.pcap", "ndpi--dtls_certificate.pcapng", "ndpi--stun_dtls_unidirectional_client.pcap",
    "ndpi--stun_dtls_unidirectional_server.pcap", "zeek--dtls1_2.pcap", "zeek--kinit.pcap",
)
_because(
    "Records behind a hole: tshark takes the next segment for the beginning of one at once, Shoal when it is known "
    "that the hole stays; and the late segment that fills it is never told by tshark.",
    "ndpi--tls_missing_ch_frag.pcap", "ndpi--tls_invalid_reads.pcap", "ndpi--anyconnect-vpn.pcap",
    "zeek--psql-aws-ssl-require-15432.pcap", "zeek--psql-aws-ssl-require.pcap",
)
_because(
    "TLS in a segment that an ICMP error quotes, in an empty record, in the first of two packets of a Wi-Fi frame, or "
    "behind a reset: tshark shows it, Shoal does not.",
    "ndpi--6in4tunnel.pcap", "suricata-verify--a6627d-http-connect__input.pcap", "zeek--gre-aruba-amsdu.pcap",
    "zeek--tls13draft16-ff52.a01.pcap",
)
_because(
    "HTTP at SSH's port: Wireshark takes all that is said there for SSH, Shoal for what it is.",
    "zeek--http-single-conn-22.pcap",
)
_because(
    "SMTP behind a proxy's CONNECT: Wireshark names its frames, and reads no command of them; Shoal has the rows, and "
    "names frames of SMTP at Wireshark's ports.",
    "zeek--connect-with-smtp.pcap",
)
_because(
    "After the reply to STARTTLS no TLS comes: Wireshark goes back to SMTP, Shoal does not.",
    "suricata-verify--protocol-change-failed-event__input.pcap",
    "Name of a frame: the part of a long message of VNC, RESP, Thrift or SOCKS, whose lengths Shoal does not work out, "
    "or of what a segment with MPTCP's options carries.",
    "zeek--vnc-mac-to-linux.pcap", "ndpi--resp.pcap", "ndpi--thrift.pcap", "ndpi--shadowsocks.pcap",
    "tcpdump--mptcp-v0.pcap",
)
_because(
    "Name of a frame: TLS that is asked for within FTP or POP; Shoal names what carries it.",
    "zeek--ftp-auth-tls.pcap", "ndpi--pop3_stls.pcap",
)
_because(
    "Name of a frame: mail headers within messages of IMAP and POP are counted out by tshark (IMAP/IMF/IMF).",
    "suricata-verify--imap-detection__input.pcap", "suricata-verify--pop3-02-bug-7709__input.pcap",
)
_because(
    "HTTP behind a hole: tshark shows the next segment's message at once, Shoal when it is known that the hole stays.",
    "zeek--zero-length-bodies-with-drops.pcap",
)
_because(
    "HTTP that is sent again in a frame cut by the snap length: tshark shows it twice, Shoal takes no byte twice.",
    "netlab--request-reply-loss-client.pcap",
)
_because(
    "A response without a length in a CONNECT tunnel: tshark never shows it, Shoal when the connection ends.",
    "suricata-verify--09e87b-http-connect__input.pcap", "suricata-verify--589ea3-http-connect__input.pcap",
)
_because("HTTP in the second of two packets at the port of DNS: tshark shows the first alone.",
         "suricata-verify--f15071-uricontent__input.pcap")  # fmt: skip
_because(
    "HTTP at the port of another protocol: tshark takes it for that protocol's, Shoal for what it is.",
    "ndpi--http_on_sip_port.pcap", "zeek--http-on-port-5432.pcap", "zeek--zeek-image-post-1080-8000-x.pcap",
    "suricata-verify--8bb0ea-uricontent__input.pcap",
)
_because(
    "Name of a frame: behind a hole tshark takes each segment at HTTP's port for HTTP as it comes, Shoal waits for "
    "what fills the hole.",
    "ndpi--weibo.pcap",
)
_because(
    "Mutated bytes at HTTP's port that are no message: tshark shows the response that they follow where the direction "
    "ends, and leaves the frames before it to TCP; Shoal names each of them HTTP.",
    "zeek--oss-fuzz-473580107.pcap",
)

"""Frames by the name of their top protocol, in real captures: as `tshark -T fields -e _ws.col.Protocol` counts them."""

from __future__ import annotations

_BY_NAME = (
    "SELECT _ws.col.Protocol AS name, count() AS frames FROM packets WHERE {here} "
    "GROUP BY name ORDER BY frames DESC, name"
)

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        "zeek--pppoe.pcap", _BY_NAME,
        [("PPP LCP", 24), ("ICMPv6", 21), ("PPP IPCP", 6), ("DHCPv6", 4), ("PPP IPV6CP", 4), ("PPPoED", 4),
         ("PPP PAP", 2)],
    ),
    # Calls of NFS over TCP and their replies, also where a write's data fills several segments.
    (
        "zeek--nfs_write.pcap", _BY_NAME,
        [("NFS", 88), ("TCP", 42), ("MOUNT", 10), ("Portmap", 8), ("NFSACL", 4), ("STP", 1)],
    ),
    # Over UDP port 4500: keys, ciphered packets, keep-alives.
    ("tcpdump--isakmp4500.pcap", _BY_NAME, [("ISAKMP", 15), ("ARP", 8), ("ESP", 8), ("UDPENCAP", 4)]),
    # Media to ports that a session's description announced.
    ("ndpi--sip.pcap", _BY_NAME, [("SIP", 69), ("UDP", 21), ("SIP/SDP", 12), ("RTP", 9), ("RTCP", 1)]),
    # Calls through a pipe of SMB, whose interface its bind told.
    (
        "suricata-verify--smb-dce_iface__input.pcap", _BY_NAME,
        [("SMB2", 18), ("TCP", 11), ("SPOOLSS", 6), ("DCERPC", 2)],
    ),
    (
        "suricata-verify--filestore-ftp-active-mode__ftp-active-mode.pcap", _BY_NAME,
        [("TCP", 26), ("FTP", 16), ("DNS", 4), ("FTP-DATA", 1)],
    ),
    (
        "tcpdump--various_gre.pcap", _BY_NAME,
        [("STP", 63), ("GRE", 16), ("ICMP", 10), ("LOOP", 5), ("CDP", 3), ("PIMv2", 2), ("DTP", 1)],
    ),
    (
        "ndpi--dtls.pcap", _BY_NAME,
        [("UDP", 14), ("DTLS", 3), ("DTLSv1.2", 3), ("GTP <DTLS>", 3), ("GTP <DTLSv1.0>", 1)],
    ),
)  # fmt: skip

"""DHCP, DHCPv6, ARP, neighbour discovery and ICMP in real captures."""

from __future__ import annotations

_DHCP = "shoal.dhcp.kind, shoal.dhcp.outcome"

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    # A DORA with its four frames and the time of each step.
    (
        "ndpi--iphone.pcap",
        f"SELECT {_DHCP}, shoal.dhcp.discover_frame, shoal.dhcp.offer_frame, shoal.dhcp.request_frame,"
        " shoal.dhcp.ack_frame, shoal.dhcp.offer_delay, shoal.dhcp.request_delay, shoal.dhcp.ack_delay,"
        " shoal.response_time, toString(dhcp.ip.your), dhcp.option.ip_address_lease_time, dhcp.option.hostname"
        " FROM dhcp WHERE {here} AND shoal.dhcp.outcome = 'acked'",
        [("new lease", "acked", 29, 30, 35, 36, 0.008626, 1.01431, 0.004182, 1.027118, "192.168.2.17", 85536,
          "Lucas-iPhone")],
    ),
    # A client that nobody answers.
    (
        "ndpi--whatsapp_login_call.pcap",
        f"SELECT {_DHCP}, shoal.request_frame, shoal.dhcp.messages, shoal.dhcp.discovers_again,"
        " isNull(shoal.response_frame), dhcp.hw.mac_addr FROM dhcp WHERE {here}",
        [("new lease", "unanswered", 852, 10, 9, 1, "D8:30:62:56:00:1C")],
    ),
    # A NAK, after which the client takes what it had before and declines it; a Release; an Inform that nobody answers.
    (
        "zeek--dhcp.pcap",
        f"SELECT {_DHCP}, shoal.request_frame, shoal.response_frame, shoal.response_time, shoal.dhcp.decline_frame"
        " FROM dhcp WHERE {here} ORDER BY shoal.first_frame",
        [("new lease", "nakked", 1, 4, 1.024456, None), ("reboot", "declined", 5, 6, 0.008379, 7),
         ("release", "released", 8, None, None, None), ("inform", "unanswered", 9, None, None, None)],
    ),
    (
        "zeek--dhcp.pcap",
        "SELECT shoal.address, shoal.hw, shoal.lease.ended, toFloat64(shoal.lease.until) - toFloat64(shoal.lease.start)"
        " < 2 FROM leases WHERE {here}",
        [("128.2.6.189", "90:B1:1C:99:49:29", "declined", 1)],
    ),
    (
        "zeek--dhcp_inform.pcap",
        f"SELECT {_DHCP}, shoal.response_frame, shoal.response_time, toString(dhcp.ip.client), isNull(dhcp.ip.your)"
        " FROM dhcp WHERE {here}",
        [("inform", "acked", 2, 0.004327, "128.2.6.122", 1)],
    ),
    (
        "zeek--dhcp_time_and_nameserver.pcap",
        f"SELECT {_DHCP}, shoal.response_time, toString(dhcp.option.requested_ip_address),"
        " dhcp.option.ip_address_lease_time, toString(dhcp.option.dhcp_server_id) FROM dhcp WHERE {here}",
        [("reboot", "acked", 0.001608, "192.168.15.250", 86093, "192.168.15.101")],
    ),
    # Offers to nobody who was heard to ask.
    (
        "tcpdump--dhcp-option-33.pcap",
        f"SELECT {_DHCP}, shoal.dhcp.messages, isNull(shoal.request_frame), arrayMap(a -> toString(a),"
        " dhcp_offer.server) FROM dhcp WHERE {here}",
        [("unknown", "offered", 5, 1, ["192.168.1.1"])],
    ),
    (
        "tcpdump--dhcpv4v6-rfc5970-rfc8572.pcap",
        "SELECT shoal.dhcp.offer_delay, shoal.dhcp.request_delay, shoal.dhcp.ack_delay, shoal.response_time FROM dhcp"
        " WHERE {here}",
        [(1.003127, 0.0003, 0.002394, 1.005821)],
    ),
    # Options in the fields of the server's name and the boot file, file first.
    (
        "suricata-verify--dhcp-option-52-overload-both__input.pcap",
        f"SELECT {_DHCP}, dhcp_parameter.option, dhcp_option.type FROM dhcp WHERE {{here}}",
        [("new lease", "unanswered", [1, 28, 3, 43], [51, 56, 57])],
    ),
    # Who had which address from when until when: two clients of one server, each with several ACKs.
    (
        "suricata-verify--smb2-ntlmssp-negotiateflags__input.pcap",
        "SELECT shoal.address, shoal.hw, shoal.hostname, toString(shoal.lease.start), toString(shoal.lease.until),"
        " shoal.lease.acks, shoal.lease.ended FROM leases WHERE {here} ORDER BY shoal.address",
        [("192.168.199.132", "00:0C:29:03:DF:AD", "DESKTOP-2AEFM7G", "2016-10-16 08:10:27.616086000",
          "2016-10-16 08:41:38.772008000", 3, ""),
         ("192.168.199.133", "00:0C:29:61:F5:5F", "DESKTOP-V1FA0UQ", "2016-10-16 08:08:49.299009000",
          "2016-10-16 08:38:50.395350000", 2, "")],
    ),
    # Prefix delegation: Solicit, Advertise, Request, Reply.
    (
        "tcpdump--dhcpv6-ia-pd.pcap",
        "SELECT shoal.dhcpv6.kind, shoal.dhcpv6.outcome, shoal.request_frame, shoal.response_frame,"
        " shoal.response_time, arrayMap(a -> toString(a), dhcpv6_prefix.prefix), dhcpv6_prefix.length,"
        " dhcpv6_prefix.valid_lifetime FROM dhcpv6 WHERE {here}",
        [("new lease", "replied", 1, 4, 1.070302, ["2a00:1:1:100::"], [56], [7200])],
    ),
    (
        "tcpdump--dhcpv4v6-rfc5970-rfc8572.pcap",
        "SELECT shoal.first_frame, shoal.dhcpv6.kind, shoal.dhcpv6.outcome, shoal.request_frame, shoal.response_frame,"
        " arrayMap(a -> toString(a), dhcpv6_address.ip) FROM dhcpv6 WHERE {here} AND shoal.first_frame < 14"
        " ORDER BY shoal.first_frame",
        [(1, "new lease", "unanswered", 1, None, []), (2, "new lease", "replied", 2, 5, ["1234:5678::4"]),
         (10, "new lease", "unanswered", 10, None, []), (11, "new lease", "replied", 12, 13, ["1234:5678::4"])],
    ),
    # Probes for an address that is free, its announcement, and requests with their replies.
    (
        "suricata-verify--smb2-ntlmssp-negotiateflags__input.pcap",
        "SELECT shoal.first_frame, shoal.arp.kind, shoal.arp.outcome, shoal.arp.requests, toString(arp.dst.proto_ipv4),"
        " arp.dst.hw_mac, shoal.response_time FROM arp WHERE {here} ORDER BY shoal.first_frame LIMIT 6",
        [(14, "probe", "unanswered", 3, "169.254.145.153", None, None),
         (18, "announcement", "told", None, "169.254.145.153", "00:0C:29:61:F5:5F", None),
         (27, "probe", "unanswered", 3, "192.168.199.133", None, None),
         (48, "request", "answered", 1, "192.168.199.1", "00:50:56:C0:00:01", 0.000018),
         (72, "announcement", "told", None, "192.168.199.133", "00:0C:29:61:F5:5F", None),
         (172, "request", "answered", 1, "192.168.199.1", "00:50:56:C0:00:01", 0.000018)],
    ),
    (
        "zeek--arp.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, shoal.response_time, shoal.arp.requests FROM arp"
        " WHERE {here} ORDER BY shoal.first_frame",
        [(1, None, None, 2), (2, 3, 0.001661, 1), (4, 5, 0.00092, 1)],
    ),
    # Who had 192.168.199.133 at 08:09:30?
    (
        "suricata-verify--smb2-ntlmssp-negotiateflags__input.pcap",
        "SELECT shoal.hw, shoal.learnt FROM bindings WHERE {here} AND shoal.address = '192.168.199.133'"
        " AND shoal.first_time <= '2016-10-16 08:09:30' ORDER BY shoal.first_time DESC",
        [("00:0C:29:61:F5:5F", "ARP"), ("00:0C:29:61:F5:5F", "DHCP")],
    ),
    # An address found free, routers asked in vain, and two neighbours.
    (
        "suricata-verify--smb2-ntlmssp-negotiateflags__input.pcap",
        "SELECT shoal.first_frame, shoal.nd.kind, shoal.nd.outcome, shoal.nd.requests, shoal.response_time FROM nd"
        " WHERE {here} AND shoal.first_frame IN (8, 9, 182, 253) ORDER BY shoal.first_frame",
        [(8, "duplicate address detection", "unanswered", 2, None), (9, "router solicitation", "unanswered", 6, None),
         (182, "solicitation", "answered", 1, 0.000206), (253, "solicitation", "answered", 1, 0.000123)],
    ),
    (
        "tcpdump--icmpv6.pcap",
        "SELECT shoal.nd.kind, arrayMap(a -> toString(a), nd_prefix.prefix) FROM nd WHERE {here}",
        [("router advertisement", ["2222:3333:4444:5555:6600::"])],
    ),
    # A ping whose first request was lost, and one without a loss.
    (
        "zeek--icmp_dot1q.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, shoal.icmp.outcome, shoal.response_time FROM icmp"
        " WHERE {here} AND shoal.icmp.kind = 'echo' ORDER BY shoal.first_frame LIMIT 4",
        [(5, None, "unanswered", None), (8, 9, "answered", 0.00095), (10, 11, "answered", 0.000294),
         (12, 13, "answered", 0.000294)],
    ),
    (
        "zeek--5-pings.pcap",
        "SELECT icmp.seq, shoal.response_time FROM icmp WHERE {here} ORDER BY icmp.seq",
        [(1, 0.026299), (2, 0.023251), (3, 0.032342), (4, 0.030552), (5, 0.029198)],
    ),
    # A traceroute: who answered which probe, and the errors' flows are the probes'.
    (
        "tcpdump--mpls-traceroute.pcap",
        "SELECT shoal.first_frame, toString(ip.src), shoal.icmp.code, shoal.quoted.dstport, shoal.ttl FROM icmp"
        " WHERE {here} AND shoal.quoted.dstport IN (33435, 33438, 33441) ORDER BY shoal.first_frame",
        [(2, "10.5.0.1", "TTL Exceeded in Transit", 33435, 255), (8, "10.4.0.2", "TTL Exceeded in Transit", 33438, 254),
         (14, "12.1.1.1", "Port Unreachable", 33441, 253)],
    ),
    (
        "tcpdump--mpls-traceroute.pcap",
        "SELECT count(), countIf(isNotNull(icmp.type)) FROM packets WHERE {here} AND shoal.flow_id IN"
        " (SELECT shoal.flow_id FROM icmp WHERE {here} AND shoal.icmp.kind = 'error')",
        [(18, 9)],
    ),
)

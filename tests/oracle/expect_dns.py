"""DNS in real captures."""

from __future__ import annotations

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        "ndpi--dns_ambiguous_names.pcap",
        "SELECT count(), max(shoal.response_time) FROM dns WHERE {here}",
        [(10, 0.34408)],
    ),
    (
        # The slowest two, what they answered, and through which names.
        "ndpi--dns_ambiguous_names.pcap",
        "SELECT dns.qry.name, shoal.response_time, shoal.dns.rcode, dns_answer.data, dns_chain.name FROM dns "
        "WHERE {here} ORDER BY shoal.response_time DESC LIMIT 2",
        [
            ("short.weixin.qq.com", 0.34408, "NOERROR", ["203.205.254.77", "203.205.254.220"], []),
            ("*.teams.microsoft.com", 0.08294, "NXDOMAIN", [], []),
        ],
    ),
    (
        "ndpi--dns_ambiguous_names.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, dns_chain.name, dns_answer.data FROM dns "
        "WHERE {here} AND dns.qry.name = 'api.teams.skype.com'",
        [(5, 6, ["teams-afd.trafficmanager.net", "teams-afd-trafficmanager-net.s-0004.s-msedge.net",
                 "s-0004.s-msedge.net"], ["52.113.194.131"])],
    ),
    (
        # Who says that a name does not exist, and for how long.
        "suricata-verify--dns-eve-v2-udp-nxdomain-soa__dns-udp-nxdomain-soa.pcap",
        "SELECT dns.qry.name, dns.flags.rcode, dns_record.section, dns_record.name, dns_record.ttl, dns_record.data "
        "FROM dns WHERE {here} AND shoal.dns.rcode = 'NXDOMAIN'",
        [("dne.oisf.net", 3, ["authority"], ["oisf.net"], [899],
          ["ns-110.awsdns-13.com awsdns-hostmaster.amazon.com 1 7200 900 1209600 86400"])],
    ),
    (
        # The response came twice; the query had the DO bit.
        "zeek--dns-two-responses.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, dns.resp.z.do, dns.retransmission, "
        "dns.retransmit_response_in, shoal.dns.differs, dns_chain.name, dns_answer.data FROM dns WHERE {here} "
        "ORDER BY shoal.response_frame",
        [
            (1, 2, True, None, None, None, ["WWW-CMU.ANDREW.cmu.edu", "WWW-CMU-2.ANDREW.cmu.edu"], ["128.2.10.163"]),
            (1, 3, None, True, 2, False, ["WWW-CMU.ANDREW.cmu.edu", "WWW-CMU-2.ANDREW.cmu.edu"], ["128.2.10.163"]),
        ],
    ),
    (
        # The code of four bits says 7, EDNS has another 1 before them.
        "tcpdump--dns-badcookie.pcap",
        "SELECT dns.qry.name, shoal.dns.qry_type, dns.flags.rcode, shoal.dns.rcode, shoal.response_time FROM dns "
        "WHERE {here} ORDER BY shoal.first_frame",
        [("<Root>", "SOA", 7, "BADCOOKIE", 0.000248), ("<Root>", "SOA", 0, "NOERROR", 0.000227)],
    ),
    (
        "zeek--dns-https.pcap",
        "SELECT shoal.dns.qry_type, dns_answer.data, dns_record.ttl, dns.resp.z.do FROM dns WHERE {here}",
        [("HTTPS", ["1 <Root> alpn=h3,h3-29,h3-28,h3-27,h2 ipv4hint=104.16.132.229,104.16.133.229 "
                    "ipv6hint=2606:4700::6810:84e5,2606:4700::6810:85e5"], [129], False)],
    ),
    (
        # A time to live of 2^32 - 1, in a response to no query.
        "zeek--dns-huge-ttl.pcap",
        "SELECT shoal.request_frame, name, ttl, data FROM dns ARRAY JOIN dns_record.name AS name, "
        "dns_record.ttl AS ttl, dns_record.data AS data WHERE {here} AND ttl > 1000000000",
        [(None, "us.v27.distributed.net", 4294967295, "206.109.64.186")],
    ),
    (
        # An alias among additional records answers nothing.
        "suricata-verify--20250224-dns-additionals-with-cname.pcap__20250224-dns-additionals-with-cname.pcap",
        "SELECT dns_answer.data, dns_chain.name, dns_record.section, dns_record.data FROM dns WHERE {here}",
        [(["192.168.1.1"], [], ["answer", "additional"], ["192.168.1.1", "internal-service.example.net"])],
    ),
    (
        # Asked at 0, 2 and 4 s in vain, and again with the same number at 8 s: that is another query to Wireshark.
        "suricata-verify--smb2-07__20171220_smb_psexec_add_user.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, shoal.response_time, shoal.dns.rcode, "
        "dns_retransmission.frame, dns.retransmit_request_in FROM dns WHERE {here} AND dns.id = 0x5c3c "
        "ORDER BY shoal.first_frame",
        [(79, None, None, None, [85, 90], None), (100, 112, 3.408755, "SERVFAIL", [], 79)],
    ),
    (
        # Responses that came again, to queries that had theirs.
        "suricata-verify--smb2-07__20171220_smb_psexec_add_user.pcap",
        "SELECT dns.id, shoal.request_frame, shoal.response_frame, dns.retransmit_response_in FROM dns "
        "WHERE {here} AND dns.retransmission AND shoal.first_frame < 390 ORDER BY shoal.first_frame",
        [(0x1B97, 316, 349, 329), (0xC5A5, 339, 367, 366)],
    ),
    (
        "suricata-verify--dns-opcode__dns-notify.pcap",
        "SELECT dns.qry.name, dns.flags.opcode, dns.flags.response, dns.flags.authoritative, dns_record.data FROM dns "
        "WHERE {here} AND shoal.first_frame = 1",
        [("bortzmeyer.42", 4, True, True,
          ["ns3.bortzmeyer.org hostmaster.bortzmeyer.org 2013092306 7200 3600 604800 43200"])],
    ),
    (
        # Over TCP, of which the capture has the response alone.
        "suricata-verify--dns-reversed-tcp-1__dns.pcap",
        "SELECT tcp.srcport, tcp.dstport, shoal.request_frame, shoal.response_frame, shoal.response_bytes, "
        "length(dns_answer.data), dns_answer.data[1] FROM dns WHERE {here}",
        [(38195, 53, None, 1, 235, 12, "216.197.242.244")],
    ),
    (
        # mDNS: who announces addresses, unasked in his conversation.
        "zeek--mdns.pcap",
        "SELECT shoal.first_frame, shoal.src, dns.count.answers FROM dns WHERE {here} AND "
        "shoal.dns.protocol = 'MDNS' AND dns.flags.response ORDER BY shoal.first_frame LIMIT 3",
        [(3, "ff02::fb", 4), (4, "224.0.0.251", 6), (19, "224.0.0.251", 6)],
    ),
    (
        "tcpdump--dns_fwdptr.pcap",
        "SELECT dns.qry.name, shoal.dns.fault, dns.count.queries FROM dns WHERE {here}",
        [("<Name too long>", "name cut", 64259)],
    ),
    (
        # At another port, by the look of the header.
        "tcpdump--dns_udp_8053.pcap",
        "SELECT udp.dstport, dns.qry.name, dns_answer.data FROM dns WHERE {here}",
        [(8053, "www.tcpdump.org", ["192.139.46.66"])],
    ),
    (
        "zeek--dns-spf.pcap",
        "SELECT shoal.dns.qry_type, dns_answer.data, shoal.response_time FROM dns WHERE {here}",
        [("SPF", ['"v=spf1 mx -all test"', '"v=spf1 mx -all"'], 0.008845)],
    ),
    (
        "suricata-verify--7f909f-llmnr__input.pcap",
        "SELECT shoal.dns.protocol, dns.qry.name, shoal.src, shoal.response_frame FROM dns WHERE {here}",
        [("LLMNR", "test-host.local", "192.168.1.100", None)],
    ),
    (
        "zeek--dns-edns-ecs.pcap",
        "SELECT dns.qry.name, shoal.dns.client_subnet FROM dns WHERE {here} AND shoal.first_frame = 2",
        [("ns1.weberdns.de", "213.61.29.0/24/0")],
    ),
)

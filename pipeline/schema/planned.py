"""Wireshark's fields that Shoal does not give yet: `shoal read -e` takes them, warns, and prints nothing.

A list of fields made for tshark then runs as it is. A name leaves this list when its column comes.
"""

from __future__ import annotations

PLANNED: frozenset[str] = frozenset((
    "icmp.resp_to", "icmp.resptime", "dns.flags.response", "dns.flags.opcode",
    "dns.flags.truncated", "dns.qry.class", "dns.count.answers",
    "dns.resp.name", "dns.resp.type", "dns.resp.ttl", "dns.a", "dns.aaaa", "dns.cname", "dns.ptr.domain_name",
    "dns.mx.mail_exchange", "dns.ns", "dns.txt", "dns.srv.target", 
    "dns.retransmission", "dhcp.type", "dhcp.id", "dhcp.hw.mac_addr", "dhcp.ip.client", "dhcp.ip.your",
    "dhcp.ip.server", "dhcp.ip.relay", "dhcp.option.dhcp", "dhcp.option.requested_ip_address",
    "dhcp.option.dhcp_server_id", "dhcp.option.ip_address_lease_time", "dhcp.option.renewal_time_value",
    "dhcp.option.rebinding_time_value", "dhcp.option.subnet_mask", "dhcp.option.router",
    "dhcp.option.domain_name_server", "dhcp.option.hostname", "dhcp.option.vendor_class_id",
    "dhcp.option.request_list_item", "tls.record.content_type", "tls.record.version", "tls.handshake.type",
    "tls.handshake.version", "tls.handshake.ciphersuite", "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str", "tls.handshake.extensions.supported_version", "tls.handshake.ja3",
    "tls.handshake.ja3s", "tls.alert_message.level", "tls.alert_message.desc", "x509sat.printableString",
    "x509sat.uTF8String", "ssh.protocol", "smtp.req.command", "smtp.response.code", "oicq.version",
    "oicq.command", "oicq.seq", "oicq.qqid", "radiotap.channel.freq", "radiotap.dbm_antsignal",
    "radiotap.dbm_antnoise", "radiotap.datarate", "radiotap.mactime", "wlan.fc.type_subtype", "wlan.fc.retry",
    "wlan.fc.protected", "wlan.fc.ds", "wlan.duration", "wlan.ra", "wlan.ta", "wlan.sa", "wlan.da", "wlan.bssid",
    "wlan.seq", "wlan.frag", "wlan.ssid", "wlan.ds.current_channel", "wlan.fixed.reason_code",
    "wlan.fixed.status_code", "wlan.fixed.auth.alg", "wlan.fixed.auth_seq", "wlan.fixed.capabilities.privacy",
    "wlan.rsn.akms.type", "wlan.rsn.pcs.type", "wlan.qos.priority", "wlan_rsna_eapol.keydes.msgnr", "eapol.type",
    "eapol.keydes.replay_counter",
))

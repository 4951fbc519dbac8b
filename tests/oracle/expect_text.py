"""SMTP, SSH, OICQ, NTP, SNMP and Kerberos in real captures."""

from __future__ import annotations

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        # The slowest replies: a name and a password are asked for between AUTH and its last reply.
        "ndpi--emotet.pcap",
        "SELECT smtp.req.command, smtp.req.parameter, smtp.response.code, shoal.response_time, shoal.request_frame, "
        "shoal.response_frame FROM smtp WHERE {here} ORDER BY shoal.response_time DESC NULLS LAST LIMIT 2",
        [("AUTH", "LOGIN", 235, 4.224318, 8, 20), ("RCPT", "TO: <mitzy.torres@2080.cl>", 250, 1.205239, 24, 26)],
    ),
    (
        # What was refused, in the order of the requests; three of them came in one segment.
        "suricata-verify--smtp-data-rejected__10.7.29.101_49898-178.63.41.150_25.pcap",
        "SELECT shoal.request_frame, smtp.req.command, shoal.smtp.pipelined, smtp.response.code, shoal.response_frame "
        "FROM smtp WHERE {here} AND smtp.response.code >= 500 ORDER BY shoal.first_frame, shoal.exchange",
        [(8, "MAIL", False, 553, 10), (8, "RCPT", True, 503, 10), (8, "DATA", True, 503, 10),
         (146, ".", False, 554, 195)],
    ),
    (
        # A message from sequence number 224 up to the dot in a line of its own.
        "suricata-verify--smtp-data-rejected__10.7.29.101_49898-178.63.41.150_25.pcap",
        "SELECT shoal.smtp.size, shoal.smtp.recipients, shoal.response_time FROM smtp "
        "WHERE {here} AND smtp.req.command = '.'",
        [(114_252, 1, 0.838062)],
    ),
    (
        # Who mails whom.
        "zeek--smtp.pcap",
        "SELECT DISTINCT shoal.smtp.from, shoal.smtp.to FROM smtp "
        "WHERE {here} AND smtp.req.command = 'RCPT' AND smtp.response.code = 250 ORDER BY 1, 2",
        [("albert@example.com", "davis_mark1@outlook.com"), ("albert@example.com", "ericlim220@yahoo.com"),
         ("albert@example.com", "felica4uu@hotmail.com"), ("gurpartap@patriots.in", "raj_deol2002in@yahoo.co.in")],
    ),
    (
        # RCPT and DATA in one segment; a minute later the server gives up by itself.
        "zeek--smtp-multi-addr.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, smtp.req.command, smtp.response.code FROM smtp "
        "WHERE {here} AND shoal.first_frame >= 10 ORDER BY shoal.first_frame, shoal.exchange",
        [(10, 11, "RCPT", 250), (10, 11, "DATA", 354), (14, 16, ".", 250), (None, 18, None, 451)],
    ),
    (
        "suricata-verify--smtp-startssl__input.pcap",
        "SELECT smtp.req.command, smtp.response.code, shoal.smtp.helo FROM smtp WHERE {here} "
        "ORDER BY shoal.first_frame",
        [(None, 220, None), ("EHLO", 250, "desktop.unx.ca"), ("STARTTLS", 220, "desktop.unx.ca")],
    ),
    (
        "zeek--ssh1-ssh2-fingerprints.pcap",
        "SELECT shoal.first_frame, shoal.ssh.version, shoal.ssh.kex, shoal.ssh.host_key, "
        "shoal.ssh.cipher_client_to_server, ssh.kex.hassh, ssh.kex.hasshserver, ssh.host_key.type, "
        "shoal.ssh.banner_time, shoal.ssh.kexinit_time, "
        "shoal.ssh.kex_time FROM ssh WHERE {here} AND shoal.ssh.version = 2",
        [(4, 2, "curve25519-sha256", "ecdsa-sha2-nistp256", "chacha20-poly1305@openssh.com",
          "ae8bd7dd09970555aa4c6ed22adbbf56", "3ccd1778a76049721c71ad7d2bf62bbc", "ecdsa-sha2-nistp256",
          0.003968, 0.00052, 0.006582)],
    ),
    (
        # On another port, by content; a group exchange.
        "zeek--ssh-on-port-80.pcap",
        "SELECT tcp.dstport, shoal.ssh.client, shoal.ssh.server, shoal.ssh.kex, shoal.ssh.client.kexinit_frame, "
        "shoal.ssh.server.kexinit_frame, ssh.host_key.type FROM ssh WHERE {here}",
        [(80, "SSH-2.0-OpenSSH_5.2", "SSH-2.0-OpenSSH_5.8p1 Debian-1ubuntu3", "diffie-hellman-group-exchange-sha256",
          8, 10, "ssh-rsa")],
    ),
    (
        # Log outs, each with a number and a port of its own, that nobody answers.
        "ndpi--oicq.pcap",
        "SELECT count(), min(oicq.seq), max(oicq.seq), any(oicq.qqid), any(shoal.oicq.command), "
        "count(shoal.response_frame) FROM oicq WHERE {here}",
        [(29, 23, 51, 1_444_875_387, "Log out", 0)],
    ),
    (
        # By the four times: 0.062 s there and back, the server 35 microseconds, its clock 11 ms ahead of the client's.
        "zeek--ntp2.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, ntp.stratum, shoal.ntp.reference, "
        "round(shoal.response_time, 6), round(shoal.ntp.delay, 6), round(shoal.ntp.client_offset, 6) FROM ntp "
        "WHERE {here} ORDER BY shoal.first_frame LIMIT 1",
        [(1, 2, 4, "105.237.207.28", 0.061337, 0.061302, 0.011113)],
    ),
    (
        "suricata-verify--snmp-v2c-get__SNMPv2c_get_requests.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, shoal.snmp.request, snmp.community, snmp_binding.name, "
        "snmp_binding.value, shoal.response_time FROM snmp WHERE {here} AND shoal.snmp.id = 555232471",
        [(3, 4, "get-request", "[R0_C@cti!]", ["1.3.6.1.2.1.1.3.0"], ["76705700"], 0.001501)],
    ),
    (
        # A ticket for a service, encrypted with RC4: what kerberoasting asks for.
        "suricata-verify--krb5-kerberoasting__kerberoast.pcap",
        "SELECT shoal.kerberos.request, shoal.kerberos.cname, shoal.kerberos.sname, shoal.kerberos.ticket_etype, "
        "shoal.kerberos.etype, shoal.response_time FROM kerberos WHERE {here}",
        [("TGS-REQ", "spotless", "HTTP/dc-mantvydas.offense.local", 23, 18, 0.00167)],
    ),
    (
        "suricata-verify--bug-8278-krb5-03__baseline.2.flows.pcap",
        "SELECT shoal.request_frame, shoal.kerberos.request, shoal.kerberos.preauth, shoal.kerberos.response, "
        "shoal.kerberos.error FROM kerberos WHERE {here} ORDER BY shoal.first_frame",
        [(4, "AS-REQ", False, "KRB-ERROR", "KDC_ERR_PREAUTH_REQUIRED"), (12, "AS-REQ", True, "AS-REP", None),
         (20, "TGS-REQ", True, "KRB-ERROR", "KDC_ERR_S_PRINCIPAL_UNKNOWN")],
    ),
)  # fmt: skip

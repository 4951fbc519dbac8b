"""Handshakes of TLS and QUIC in real captures."""

from __future__ import annotations

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        # TLS 1.2: each step's frame, and the times from the ClientHello on.
        "ndpi--443-git.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, shoal.tls.server_done_frame, "
        "shoal.tls.client_key_exchange_frame, shoal.tls.server_finished_frame, shoal.tls.client_data_frame, "
        "shoal.response_time, shoal.tls.server_done_time, shoal.tls.completed_time FROM tls WHERE {here}",
        [(4, 5, 7, 10, 11, 13, 0.112683, 0.112733, 0.236727)],
    ),
    (
        "ndpi--443-git.pcap",
        "SELECT tls.handshake.extensions_server_name, shoal.tls.version, shoal.tls.cipher_suite, "
        "shoal.tls.key_exchange, shoal.tls.mac, shoal.tls.group, tls.handshake.extensions_alpn_str FROM tls "
        "WHERE {here}",
        [("github.com", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE", "AEAD", "secp256r1", "http/1.1")],
    ),
    (
        # Certificates in the order sent.
        "ndpi--443-git.pcap",
        "SELECT tls_certificate.serial, tls_certificate.names[1], toString(tls_certificate.not_after[1]), "
        "tls_certificate.self_signed[1] FROM tls WHERE {here}",
        [(["a0630427f5bbced6957396593b6451f", "c79a944b08c11952092615fe26b1d83"], "github.com,www.github.com",
          "2020-06-03 12:00:00.000000000", False)],
    ),
    (
        # TLS 1.3 with a HelloRetryRequest; the ServerHello comes out of order.
        "zeek--hrr.pcap",
        "SELECT shoal.request_frame, shoal.tls.hello_retry_frame, shoal.response_frame, shoal.response_time, "
        "shoal.tls.version, shoal.tls.cipher_suite, shoal.tls.group, tls_key_share.offered, shoal.tls.outcome "
        "FROM tls WHERE {here}",
        [(4, 6, 11, 0.044772, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp256r1", ["secp256r1"], "completed")],
    ),
    (
        # A PSK takes an earlier session up.
        "zeek--tls13_psk_succesfull.pcap",
        "SELECT shoal.tls.resumed, shoal.tls.resumption, shoal.tls.cipher_suite, shoal.tls.group, "
        "shoal.tls.client_finished_frame, shoal.tls.client_data_frame FROM tls WHERE {here}",
        [(True, "psk", "TLS_CHACHA20_POLY1305_SHA256", "x25519", 8, 11)],
    ),
    (
        # The server asks the client for a certificate, and gives a ticket for 300 s.
        "zeek--client-certificate.pcap",
        "SELECT shoal.tls.client_certificate_asked, tls_certificate.sender, tls_certificate.subject[1], "
        "tls_certificate.subject[4], tls_certificate.serial[4], shoal.tls.ticket_issued, "
        "tls.handshake.session_ticket_lifetime_hint, shoal.tls.completed_frame FROM tls WHERE {here}",
        [(True, ["server", "server", "server", "client", "client"], "CN=certauth.idrix.fr",
          "CN=johanna@corelight.com", "75da21171a41241766cc01ca59852b1", True, 300, 21)],
    ),
    (
        # A handshake that ends in an alert, and one that does not: draft 16.
        "zeek--tls13draft16-ff52.a01.pcap",
        "SELECT shoal.request_frame, shoal.tls.outcome, shoal.tls.draft, tls_alert.frame, tls_alert.name, "
        "tls_alert.sender, shoal.tls.group FROM tls WHERE {here} ORDER BY shoal.first_frame",
        [(4, "alert", 16, [8], ["unknown_ca"], ["client"], "secp384r1"),
         (19, "completed", 16, [], [], [], "secp384r1")],
    ),
    (
        # TLS behind STARTTLS.
        "zeek--xmpp-starttls.pcap",
        "SELECT shoal.request_frame, shoal.tls.certificate_frame, shoal.response_time, shoal.tls.completed_time "
        "FROM tls WHERE {here}",
        [(13, 17, 0.171423, 0.343278)],
    ),
    (
        # QUIC: the name that is asked for, a version that is negotiated, a draft's number.
        "ndpi--quic-28.pcap",
        "SELECT tls.handshake.extensions_server_name, tls_alpn.offered, quic.version, quic.dcid, "
        "shoal.quic.negotiation_frame, shoal.response_frame, shoal.response_time, udp.dstport FROM tls WHERE {here}",
        [("www.wireshark.org", ["h3-28", "h3-27"], 0xFF00001B, "828381a786882fe30f09739d4782a217", 2, 5, 0.028619,
          443)],
    ),
    (
        # QUIC with a Retry.
        "tcpdump--quic_retry.pcap",
        "SELECT shoal.quic.retry_frame, shoal.response_frame, shoal.response_time, shoal.tls.server_encrypted_frame "
        "FROM tls WHERE {here}",
        [(2, 4, 0.01949, 5)],
    ),
    (
        # Hellos of QUIC in frames out of order, none of them answered.
        "ndpi--quic_frags_ch_out_of_order_same_packet_craziness.pcapng",
        "SELECT count(), countIf(shoal.tls.outcome = 'no answer'), "
        "countIf(tls.handshake.extensions_server_name = 'clientservices.googleapis.com') FROM tls WHERE {here}",
        [(113, 113, 9)],
    ),
)

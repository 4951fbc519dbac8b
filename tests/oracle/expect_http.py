"""HTTP in SQL: what the captures hold, read off them with tshark."""

from __future__ import annotations

_PAIR = "SELECT shoal.request_frame, shoal.response_frame, http.time, http.response.code, "

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        "zeek--pipelined-requests.pcap",
        _PAIR + "http.content_length FROM http WHERE {here} ORDER BY shoal.request_frame",
        [(4, 5, 0.018034, 200, 946), (6, 12, 0.007354, 200, 6716), (14, 15, 0.005036, 200, 94),
         (16, 18, 0.005565, 200, 2349), (20, 45, 0.012293, 200, 27579)],
    ),
    (
        # The client waited for 100 (Continue) before it sent the body.
        "zeek--100-continue.pcap",
        "SELECT shoal.http.request.first_frame, shoal.request_frame, shoal.response_frame, http.time, "
        "shoal.http.interim, shoal.http.request.body FROM http WHERE {here}",
        [(4, 10, 63, 0.907545, 1, 2001)],
    ),
    (
        "zeek--connect-with-header.pcap",
        _PAIR + "shoal.http.tunnel, http.host FROM http WHERE {here}",
        [(5, 7, 0.120568, 200, "connect", "secure.newegg.com:443")],
    ),
    (
        "zeek--websocket.pcap",
        _PAIR + "shoal.http.tunnel, http.host FROM http WHERE {here}",
        [(4, 7, 0.031633, 101, "websocket", "sandbox.kaazing.net")],
    ),
    (
        # A piece of a body was not captured: it is known to have come, for it was acknowledged (25291 - 19521 bytes).
        "zeek--gap-recovery.pcap",
        "SELECT http.content_length, shoal.http.missing, shoal.http.response.first_frame FROM http WHERE {here} "
        "AND shoal.request_frame = 11",
        [(21999, 5770, 13)],
    ),
    (
        "suricata-verify--http2-userinfo-authority__http2_userinfo_in_authority_1.pcap",
        "SELECT http2.streamid, http.request.method, http.request.version, http.response.code, shoal.request_frame, "
        "shoal.response_frame, shoal.http.response.body FROM http WHERE {here}",
        [(1, "GET", "HTTP/2", 400, 7, 9, 155)],
    ),
    (
        # A body of many segments: the response is where its last byte came.
        "zeek--byteranges.pcap",
        "SELECT shoal.request_frame, shoal.response_frame, http.response.code, http.content_type FROM http "
        "WHERE {here}",
        [(4, 65, 206, "multipart/byteranges; boundary=7EAAD857FD2E903C")],
    ),
)
"""Capture, what is asked (`{here}` selects the capture's rows), and the answer."""

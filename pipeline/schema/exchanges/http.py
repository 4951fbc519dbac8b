"""Fields of HTTP messages (RFC 9110, 9112, 9113), and the record `http_states`: requests with their responses."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

METHOD = C("http.request.method", "string", "Method")
URI = C("http.request.uri", "string", "Target of the request, as it was sent")
VERSION = C("http.request.version", "string", "Version that the request names")
HOST = C("http.host", "string", "Host header; of HTTP/2 the authority")
AGENT = C("http.user_agent", "string", "User-Agent header")
REFERER = C("http.referer", "string", "Referer header")
CODE = C("http.response.code", "u32", "Status code")
PHRASE = C("http.response.phrase", "string", "Reason phrase")
RESPONSE_VERSION = C("http.response.version", "string", "Version that the response names")
TYPE = C("http.content_type", "string", "Content-Type header of the response, in a frame of any message")
LENGTH = C("http.content_length", "u64", "Content-Length of the response, in a frame of any message", unit="bytes")
SERVER = C("http.server", "string", "Server header")
LOCATION = C("http.location", "string", "Location header")
TIME = C("http.time", "seconds", "Time from the end of the request to the end of the response", unit="s")
FORWARDED = C("http.x_forwarded_for", "string", "X-Forwarded-For header")

HTTP_DETAILS: tuple[C, ...] = (
    METHOD, URI, VERSION, HOST, AGENT, REFERER, CODE, PHRASE, RESPONSE_VERSION, TYPE, LENGTH, SERVER, LOCATION, TIME,
    FORWARDED,
    C("http.request", "mark", "The frame completes a request"),
    C("http.response", "mark", "The frame completes a response"),
    C("http.request_in", "u32", "Frame of the request that this is the response to"),
    C("http.request.full_uri", "string", "Target of the request with scheme and host"),
    C("http.transfer_encoding", "string", "Transfer-Encoding header"),
    C("http.connection", "string", "Connection header"),
    C("http.cookie", "string", "Cookie header"),
    C("http.set_cookie", "string", "Set-Cookie header"),
    C("http.upgrade", "string", "Upgrade header"),
    C("http.content_encoding", "string", "Content-Encoding header"),
    C("http2.streamid", "u32", "Stream of an HTTP/2 frame"),
    C("http2.headers.method", "string", "Pseudo header :method"),
    C("http2.headers.path", "string", "Pseudo header :path"),
    C("http2.headers.authority", "string", "Pseudo header :authority"),
    C("http2.headers.status", "u32", "Pseudo header :status"),
)  # fmt: skip
"""What is told of each frame that completes a message."""

TUNNELS = ("none", "connect", "websocket", "h2c", "other")

HTTP = exchanges(
    "http", "One row for each request with its response, a request without one, and a response without a request",
    *ENDS, *PORTS, *ANSWERED,
    METHOD, URI, VERSION, HOST, AGENT, REFERER, FORWARDED, CODE, PHRASE, RESPONSE_VERSION, TYPE, LENGTH, SERVER,
    LOCATION, TIME,
    C("shoal.http.request.content_type", "string", "Content-Type header of the request"),
    C("shoal.http.request.content_length", "u64", "Content-Length header of the request", unit="bytes"),
    C("shoal.http.request.head", "u32", "Bytes of the request's first line and header", unit="bytes"),
    C("shoal.http.request.body", "u64", "Bytes of its body that were sent, without marks of chunks", unit="bytes"),
    C("shoal.http.response.head", "u32", "Bytes of the response's first line and header", unit="bytes"),
    C("shoal.http.response.body", "u64", "Bytes of its body that were sent, without marks of chunks", unit="bytes"),
    C("shoal.http.request.chunked", "bool", "The request's body came in chunks"),
    C("shoal.http.response.chunked", "bool", "The response's body came in chunks"),
    C("shoal.http.request.whole", "bool", "The request came to its end"),
    C("shoal.http.response.whole", "bool", "The response came to its end"),
    C("shoal.http.missing", "u64", "Bytes of both that were not captured", unit="bytes"),
    C("shoal.http.pipelined", "u32", "How many requests before it had no response yet when it came"),
    C("shoal.http.interim", "u32", "Responses 1xx that came before the final one"),
    C("shoal.http.request.first_frame", "u64", "Frame with the first byte of the request"),
    C("shoal.http.response.first_frame", "u64", "Frame with the first byte of the response"),
    C("shoal.http.request.duration", "seconds", "Time from the first byte of the request to its last", unit="s"),
    C("shoal.http.ttfb", "seconds", "Time from the last byte of the request to the first of the response", unit="s"),
    C("shoal.http.response.duration", "seconds", "Time from the first byte of the response to its last", unit="s"),
    C("shoal.http.tunnel", "enum", "What the conversation is from then on, if not HTTP", names=TUNNELS),
    C("http2.streamid", "u32", "Stream of HTTP/2"),
)  # fmt: skip
"""A request with its response."""

"""Fields of DNS messages (RFC 1035), and the record `dns_states`: a query and its response in one row."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

ID = C("dns.id", "u16", "Transaction ID", show="hex")
RCODE = C("dns.flags.rcode", "u8", "Reply code (of a response)")
QRY_NAME = C("dns.qry.name", "string", "Name asked for")
QRY_TYPE = C("dns.qry.type", "u16", "Type asked for")
TIME = C("dns.time", "seconds", "Time between the query and its response", unit="s")
RESPONSE_TO = C("dns.response_to", "u32", "Frame of the query that this is the response to")

DNS_DETAILS: tuple[C, ...] = (ID, RCODE, QRY_NAME, QRY_TYPE, TIME, RESPONSE_TO)
"""What is told of each frame with a message."""

DNS = exchanges(
    "dns", "One row for each query with its response, for a query without one, and for a response without a query",
    *ENDS, *PORTS, *ANSWERED, ID, QRY_NAME, QRY_TYPE, RCODE,
    groups=(
        ListGroup("dns_answer", 64, (
            C("dns_answer.name", "string", "Owner names of the answer section's records"),
            C("dns_answer.ttl", "u32", "Their times to live", unit="s"),
        )),
    ),
)

"""Fields of SNMP (RFC 1157, RFC 3412, RFC 3416), and the record `snmp_states`: a request and its response."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

VERSION = C("snmp.version", "u8", "Version, as messages have it: 0 is SNMPv1, 1 is SNMPv2c, 3 is SNMPv3")
COMMUNITY = C("snmp.community", "string", "Community, of versions 1 and 2c")
USER = C("snmp.msgUserName", "string", "User, of version 3")
ERROR = C("snmp.error_status", "u32", "Error: 0 none, 1 tooBig, 2 noSuchName, 3 badValue, 4 readOnly, 5 genErr")
INDEX = C("snmp.error_index", "u32", "Which of the variables the error is of, from 1")

SNMP_DETAILS: tuple[C, ...] = (
    VERSION, C("snmp.msgVersion", "u8", "Version, of version 3"), COMMUNITY,
    C("snmp.msgID", "u32", "Number of a message of version 3"), USER,
    C("snmp.data", "u8", "PDU: 0 get, 1 get-next, 2 response, 3 set, 4 trap, 5 bulk, 6 inform, 7 trap 2, 8 report"),
    C("snmp.request_id", "u32", "Number of the request"), ERROR, INDEX,
    C("snmp.non_repeaters", "u32", "Variables that are asked for once"),
    C("snmp.max_repetitions", "u32", "How often the others are"),
    C("snmp.name", "string", "Object identifier of a variable"),
)  # fmt: skip
"""What is told of each frame with a message."""

SNMP = exchanges(
    "snmp", "One row for each request with its response, for one without, for a response without a request, for a trap",
    *ENDS, *PORTS, *ANSWERED,
    VERSION, COMMUNITY, USER,
    C("shoal.snmp.engine", "text", "Engine identifier of version 3, in hexadecimal digits"),
    C("shoal.snmp.encrypted", "bool", "What is asked for is encrypted"),
    C("shoal.snmp.id", "u32", "Number of the request (of version 3: of the message), negative ones as 2^32 more"),
    C("shoal.snmp.request", "text", "What is asked: get-request, get-next-request, getBulkRequest and others"),
    C("shoal.snmp.response", "text", "What is answered: get-response, or report"),
    ERROR, INDEX,
    C("shoal.snmp.bindings", "u32", "Variables of the response; where there is none, of the request"),
    groups=(
        ListGroup("snmp_binding", 32, (
            C("snmp_binding.name", "string", "Their object identifiers, the first 32"),
            C("snmp_binding.value", "string", "Their values as text"),
        )),
    ),
)  # fmt: skip

"""Fields of Kerberos 5 (RFC 4120), and the record `kerberos_states`: a request for a ticket and its reply."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

ERROR = C("kerberos.error_code", "u16", "Error code (RFC 4120 section 7.5.9)")
NONCE = C("kerberos.nonce", "u32", "Number of the request, chosen by chance")

KERBEROS_DETAILS: tuple[C, ...] = (
    C("kerberos.pvno", "u8", "Version: 5"),
    C("kerberos.msg_type", "u8", "Type of the message, and of one that it carries"),
    C("kerberos.realm", "string", "Realm"),
    C("kerberos.crealm", "string", "Realm of the client"),
    C("kerberos.CNameString", "string", "A part of the client's name"),
    C("kerberos.SNameString", "string", "A part of the server's name"),
    ERROR, NONCE,
)  # fmt: skip
"""What is told of each frame with a message."""

KERBEROS = exchanges(
    "kerberos", "One row for each request with its reply or error, for one without, and for a reply without a request",
    *ENDS, *PORTS, *ANSWERED,
    C("shoal.kerberos.request", "text", "What is asked: AS-REQ, TGS-REQ, AP-REQ"),
    C("shoal.kerberos.response", "text", "What is answered: AS-REP, TGS-REP, AP-REP, KRB-ERROR"),
    C("shoal.kerberos.realm", "string", "Realm"),
    C("shoal.kerberos.cname", "string", "Name of the client, its parts by `/`"),
    C("shoal.kerberos.sname", "string", "Name of the service that the ticket is for, its parts by `/`"),
    ERROR,
    C("shoal.kerberos.error", "text", "Name of the error, as RFC 4120 has it"),
    C("shoal.kerberos.preauth", "bool", "The request proves who asks"),
    C("shoal.kerberos.offered", "text", "Ciphers that the client can, by their numbers (RFC 3961), by commas"),
    C("shoal.kerberos.etype", "u16", "Cipher of the reply: 17 and 18 are AES, 23 is RC4"),
    C("shoal.kerberos.ticket_etype", "u16", "Cipher of the ticket"),
    NONCE,
    C("shoal.kerberos.repeats", "u32", "How often the request was sent again before its reply"),
)  # fmt: skip

"""Fields of SMTP (RFC 5321), and the record `smtp_states`: a command with its reply."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

COMMAND = C("smtp.req.command", "string", "Command (of a frame: its first four letters)")
PARAMETER = C("smtp.req.parameter", "string", "What follows the command")
CODE = C("smtp.response.code", "u16", "Reply code")
REPLY = C("smtp.rsp.parameter", "string", "Text of the reply")

SMTP_DETAILS: tuple[C, ...] = (C("smtp.command_line", "string", "Command line"), COMMAND, PARAMETER, CODE, REPLY)
"""What is told of each frame with commands or replies."""

SMTP = exchanges(
    "smtp", "One row for each command with its reply, for the end of each message with its reply, and for the greeting",
    *ENDS, *PORTS, *ANSWERED,
    C("smtp.req.command", "text", "Command, in capitals; `.` is the end of a message after DATA; none of a greeting"),
    C("smtp.req.parameter", "string", "What follows the command; of AUTH only the mechanism"),
    CODE,
    C("smtp.rsp.parameter", "string", "Text of the reply, its lines by line feeds; up to 1,024 characters"),
    C("shoal.smtp.helo", "string", "Name that the client last gave itself (EHLO, HELO)"),
    C("shoal.smtp.from", "string", "Sender of the mail under way, as MAIL said"),
    C("shoal.smtp.to", "string", "Recipient, of a RCPT"),
    C("shoal.smtp.recipients", "u32", "Recipients of the mail that were accepted so far, of DATA, BDAT and `.`"),
    C("shoal.smtp.size", "u64", "Size of the message, of `.`; of the chunk, of BDAT", unit="bytes"),
    C("shoal.smtp.pipelined", "bool", "The command before was not answered yet"),
    C("shoal.smtp.greeting", "bool", "This is what the server said first"),
)  # fmt: skip

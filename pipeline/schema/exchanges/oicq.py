"""Fields of OICQ, the protocol of QQ's messenger over UDP, and the record `oicq_states`: a message and its answer."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

OICQ_COMMANDS: dict[int, str] = {
    1: "Log out", 2: "Heart Message", 4: "Update User information", 5: "Search user",
    6: "Get User informationBroadcast", 9: "Add friend no auth", 10: "Delete user", 11: "Add friend by auth",
    13: "Set status", 18: "Confirmation of receiving message from server", 22: "Send message", 23: "Receive message",
    24: "Retrieve information", 26: "Reserved ", 28: "Delete Me", 29: "Request KEY", 33: "Cell Phone", 34: "Log in",
    38: "Get friend list", 39: "Get friend online", 41: "Cell PHONE", 48: "Operation on group", 49: "Log in test",
    60: "Group name operation", 61: "Upload group friend", 62: "MEMO Operation", 88: "Download group friend",
    92: "Get level", 98: "Request login", 101: "Request extra information", 103: "Signature operation",
    128: "Receive system message", 129: "Get status of friend", 181: "Get friend's status of group",
    1015: "Withdraw message",
}  # fmt: skip
"""Commands by number, as Wireshark names them: it takes a datagram with another one for no OICQ."""

VERSION = C("oicq.version", "u16", "Version of the client", show="hex")
COMMAND = C("oicq.command", "u16", "Command")
SEQ = C("oicq.seq", "u16", "Sequence number, which the answer repeats")
QQID = C("oicq.qqid", "u32", "QQ number of the user")

OICQ_DETAILS: tuple[C, ...] = (
    C("oicq.flag", "u8", "First byte of a message: 2", show="hex"), VERSION, COMMAND, SEQ, QQID,
)  # fmt: skip
"""What is told of each frame with a message."""

OICQ = exchanges(
    "oicq", "One row for each message with its answer, for one without an answer, and for an answer without a question",
    *ENDS, *PORTS, *ANSWERED,
    VERSION, COMMAND, SEQ, QQID,
    C("shoal.oicq.command", "text", "Name of the command"),
    C("shoal.oicq.repeats", "u32", "How often the message was sent again before its answer"),
)  # fmt: skip

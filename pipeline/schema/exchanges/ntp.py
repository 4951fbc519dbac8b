"""Fields of NTP (RFC 5905, RFC 9327), and the record `ntp_states`: a message and its answer."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ANSWERED, ENDS, PORTS, exchanges

LEAP = C("ntp.flags.li", "u8", "Leap indicator: 0 none, 1 a second more, 2 one less, 3 not synchronized")
VERSION = C("ntp.flags.vn", "u8", "Version")
MODE = C("ntp.flags.mode", "u8", "Mode: 1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private")
STRATUM = C("ntp.stratum", "u8", "Stratum: 1 has a clock of its own, 16 is not synchronized; 0 is a kiss of death")
POLL = C("ntp.ppoll", "u8", "Logarithm (base 2) of the interval between messages")
REQUEST_CODE = C("ntp.priv.reqcode", "u8", "Request of mode 7; 20 and 42 list who asked lately")

NTP_DETAILS: tuple[C, ...] = (
    C("ntp.flags", "u8", "Leap indicator, version and mode", show="hex"), LEAP, VERSION, MODE, STRATUM, POLL,
    C("ntp.precision", "u8", "Logarithm (base 2) of the clock's precision, as an unsigned number"),
    C("ntp.rootdelay", "u32", "Round trip to the reference clock, in units of 1/65,536 s"),
    C("ntp.rootdispersion", "u32", "Dispersion to the reference clock, in units of 1/65,536 s"),
    C("ntp.refid", "bytes16", "Reference: four letters, or an address"),
    C("ntp.priv.impl", "u8", "Implementation of mode 7"), REQUEST_CODE,
)  # fmt: skip
"""What is told of each frame with a message."""

NTP = exchanges(
    "ntp", "One row for each message with its answer, for one without an answer, and for an answer without a question",
    *ENDS, *PORTS, *ANSWERED,
    C("ntp.flags.mode", "u8", "Mode of the first message"), VERSION,
    C("ntp.flags.li", "u8", "Leap indicator of the answer; where there is none, of the message"),
    C("ntp.stratum", "u8", "Stratum of the answer; where there is none, of the message"), POLL,
    C("shoal.ntp.reference", "text", "Reference of the answer: letters, or an address"),
    C("shoal.ntp.root_delay", "seconds", "Its round trip to the reference clock", unit="s"),
    C("shoal.ntp.root_dispersion", "seconds", "Its dispersion to the reference clock", unit="s"),
    C("ntp.reftime", "time", "When its clock was last set"),
    C("ntp.org", "time", "When the message was sent, by the client's clock"),
    C("ntp.rec", "time", "When it arrived, by the server's clock"),
    C("ntp.xmt", "time", "When the answer was sent, by the server's clock"),
    C("shoal.ntp.offset", "seconds", "The server's clock minus the capturing one, if both ways take as long", unit="s"),
    C("shoal.ntp.client_offset", "seconds", "The server's clock minus the client's; none over ten years, as "
      "that of clients that do not tell their time", unit="s"),
    C("shoal.ntp.delay", "seconds", "Round trip from where it was captured to the server, without its work", unit="s"),
    REQUEST_CODE,
    C("shoal.ntp.request_bytes", "u32", "Size of the message", unit="bytes"),
    C("shoal.ntp.response_bytes", "u32", "Size of the answer, of its first datagram", unit="bytes"),
)  # fmt: skip

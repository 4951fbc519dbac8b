"""Conversations that become TLS on request."""

from __future__ import annotations

import pytest

from tests.exchanges.hear import Talk, heard, same_in_any_batches
from tests.exchanges.test_snmp import number, tlv

ALERT = b"\x15\3\3\0\2\2\x28"
HELLO = bytes.fromhex("16030100310100002d0303") + bytes(32) + bytes.fromhex("00000613011302130301000000")[:14]
OID = b"1.3.6.1.4.1.1466.20037"
ASK = tlv(48, number(1), tlv(0x77, tlv(0x80, OID)))
YES = tlv(48, number(1), tlv(0x78, tlv(10, b"\0"), tlv(4), tlv(4)))
NO = tlv(48, number(1), tlv(0x78, tlv(10, b"\x34"), tlv(4), tlv(4)))
SEARCH = tlv(48, number(1), tlv(0x63, tlv(4), b"\0" * 20))

BEGINNINGS = {
    143: ((b"<* OK IMAP4rev1 ready\r\n", b"a1 CAPABILITY\r\n", b"<* CAPABILITY STARTTLS\r\na1 OK done\r\n"),
          b"a2 starttls\r\n", b"<a2 OK go\r\n", b"<a2 NO\r\n"),
    110: ((b"<+OK ready\r\n",), b"STLS\r\n", b"<+OK go\r\n", b"<-ERR no\r\n"),
    21: ((b"<220 ready\r\n", b"FEAT\r\n", b"<211-Features:\r\n AUTH TLS\r\n211 End\r\n"), b"AUTH TLS\r\n",
         b"<234 go\r\n", b"<502 no\r\n"),
    5222: ((b"<?xml version='1.0'?><stream:stream to='x'>", b"<<?xml version='1.0'?><stream:stream from='x'>",
            b"<<stream:features><starttls xmlns='x'/></stream:features>"), b"<starttls xmlns='x'/>",
           b"<<proceed xmlns='x'/>", b"<<failure xmlns='x'/>"),
    389: ((), ASK, b"<" + YES, b"<" + NO),
}  # fmt: skip
"""By port: what is said before, the request, the answer that grants it, and the one that does not; the server's with a
`<` before it."""


def talk(port: int, said: tuple[bytes, ...], mss: int = 1460) -> Talk:
    """What both say, then an alert of TLS."""
    found = Talk(port, mss=mss, srcport=1193).open()
    for data in said:
        # XMPP's own begin so too: the client's are known by what follows.
        server = data.startswith(b"<") and (port != 5222 or data.startswith(b"<<"))
        found = found.server(data[1:]) if server else found.client(data)
    return found.client(ALERT)


@pytest.mark.parametrize("port", BEGINNINGS)
@pytest.mark.parametrize("mss", [1460, 5])
def test_granted(port: int, mss: int) -> None:
    before, ask, yes, _ = BEGINNINGS[port]
    found = same_in_any_batches(talk(port, (*before, ask, yes), mss).frames)
    told = [d["tls.alert_message.level"] for d in found.details.values() if "tls.alert_message.level" in d]
    assert told == [[2]]


@pytest.mark.parametrize("port", BEGINNINGS)
def test_what_is_granted_with_more_behind_it(port: int) -> None:
    before, ask, yes, _ = BEGINNINGS[port]
    found = heard(talk(port, (*before, ask, yes + ALERT)).frames)
    told = [d["tls.alert_message.level"] for d in found.details.values() if "tls.alert_message.level" in d]
    assert told == [[2], [2]]


@pytest.mark.parametrize("port", BEGINNINGS)
def test_refused_or_never_asked(port: int) -> None:
    before, ask, yes, no = BEGINNINGS[port]
    for said in ((*before, ask, no), (*before, yes), (*before, *[b"x\r\n" * 9] * 80)):
        found = heard(talk(port, said).frames)
        assert not any("tls.alert_message.level" in d for d in found.details.values())


@pytest.mark.parametrize("port", BEGINNINGS)
def test_hostile(port: int) -> None:
    before, ask, yes, _ = BEGINNINGS[port]
    for junk in (b"\xff" * 9000, b"<" * 9000, b">" * 20, b"\x30\x84\xff\xff\xff\xff", b"\x30\0", SEARCH * 40):
        assert heard(talk(port, (*before, junk, b"<" + junk, ask, yes)).frames).names

"""SMTP: commands with their replies, and what Wireshark shows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.exchanges.against import both
from tests.exchanges.hear import SECOND, Heard, Talk, heard, same_in_any_batches

BODY = b"From: a@x\r\nSubject: s\r\n\r\n..stuffed\r\nhello\r\n"


def begun(port: int = 25, mss: int = 1460, srcport: int = 40_000) -> Talk:
    """A conversation up to the reply to EHLO."""
    talk = Talk(port, mss=mss, srcport=srcport).open().server(b"220 mx ESMTP\r\n").client(b"EHLO me\r\n")
    return talk.server(b"250-mx\r\n250-SIZE 1000\r\n250 PIPELINING\r\n")


def mail(talk: Talk) -> Talk:
    """A mail of two recipients, of whom one is refused."""
    talk.client(b"MAIL FROM:<a@x> SIZE=9\r\n").server(b"250 ok\r\n").client(b"RCPT TO:<b@y>\r\n").server(b"250 ok\r\n")
    talk.client(b"RCPT TO:<@relay:c@y>\r\n").server(b"550 who?\r\n").client(b"DATA\r\n").server(b"354 go on\r\n")
    return talk.client(BODY + b".\r\n").wait(2).server(b"250 queued as 7\r\n")


def pairs(found: Heard) -> list[tuple[Any, Any]]:
    """Commands and codes."""
    return [(r.get("smtp.req.command"), r.get("smtp.response.code")) for r in found.rows["smtp"]]


def test_a_mail() -> None:
    found = same_in_any_batches(mail(begun()).client(b"QUIT\r\n").server(b"221 bye\r\n").close().frames)
    assert pairs(found) == [(None, 220), ("EHLO", 250), ("MAIL", 250), ("RCPT", 250), ("RCPT", 550), ("DATA", 354),
                            (".", 250), ("QUIT", 221)]  # fmt: skip
    hello, ehlo, mail_, one, other, _, message, quit_ = found.rows["smtp"]
    assert hello["shoal.smtp.greeting"] == 1
    assert "shoal.request_frame" not in hello
    assert ehlo["smtp.rsp.parameter"] == "mx\nSIZE 1000\nPIPELINING"
    assert (mail_["shoal.smtp.from"], mail_["shoal.smtp.helo"]) == ("a@x", "me")
    assert (one["shoal.smtp.to"], other["shoal.smtp.to"]) == ("b@y", "c@y")
    assert message["shoal.smtp.size"] == len(BODY)
    assert message["shoal.smtp.recipients"] == 1
    assert message["shoal.response_time"] == 2 * SECOND + SECOND // 1000
    assert "shoal.smtp.from" not in quit_
    assert [found.names[n] for n in (4, 5, 15, 16)] == ["SMTP", "SMTP", "SMTP/IMF", "SMTP"]
    assert found.details[6] == {"smtp.response.code": [250], "smtp.rsp.parameter": ["mx", "SIZE 1000", "PIPELINING"]}
    assert found.details[7]["smtp.req.parameter"] == ["FROM:<a@x> SIZE=9"]


def test_lines_over_several_segments() -> None:
    small = same_in_any_batches(mail(begun(mss=7)).frames)
    assert pairs(small) == pairs(heard(mail(begun()).frames))
    assert [r["shoal.smtp.size"] for r in small.rows["smtp"] if "shoal.smtp.size" in r] == [len(BODY)]


def test_pipelined() -> None:
    talk = begun().client(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nhi\r\n.\r\n")
    found = same_in_any_batches(talk.server(b"250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n").frames)
    assert pairs(found)[2:] == [("MAIL", 250), ("RCPT", 250), ("DATA", 354), (".", 250)]
    assert [r["shoal.smtp.pipelined"] for r in found.rows["smtp"][2:]] == [0, 1, 1, 1]
    assert [r["shoal.exchange"] for r in found.rows["smtp"][2:]] == [0, 1, 2, 3]
    assert found.names[7] == "SMTP/IMF"


def test_data_that_is_refused() -> None:
    talk = begun().client(b"DATA\r\n").server(b"503 no mail\r\n").client(b"RSET\r\n").server(b"250 ok\r\n")
    assert pairs(heard(talk.frames))[2:] == [("DATA", 503), ("RSET", 250)]


def test_chunks() -> None:
    talk = begun().client(b"BDAT 10\r\n0123\r\n6789").server(b"250 ok\r\n").client(b"BDAT 2 LAST\r\nab")
    found = same_in_any_batches(talk.server(b"250 queued\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n").frames)
    assert pairs(found)[2:] == [("BDAT", 250), ("BDAT", 250), ("QUIT", 221)]
    assert [r["shoal.smtp.size"] for r in found.rows["smtp"][2:4]] == [10, 2]


def test_secrets_are_not_kept() -> None:
    talk = begun().client(b"AUTH PLAIN AGFhAHNlY3JldA==\r\n").server(b"535 no\r\n").client(b"AUTH LOGIN\r\n")
    talk.server(b"334 VXNlcm5hbWU6\r\n").client(b"c2VjcmV0\r\n").server(b"334 UGFzc3dvcmQ6\r\n").client(b"QUIT\r\n")
    found = heard(talk.server(b"235 welcome\r\n").client(b"c2VjcmV0\r\n").server(b"500 what\r\n").frames)
    assert pairs(found)[2:] == [("AUTH", 535), ("AUTH", 235), (None, 500)]
    assert [r["smtp.req.parameter"] for r in found.rows["smtp"][2:4]] == ["PLAIN", "LOGIN"]
    assert "c2VjcmV0" not in str(found.rows)
    assert "AGFh" not in str(found.rows)


def test_a_capture_that_begins_within_an_auth_keeps_no_secret() -> None:
    found = heard(Talk(25).client(b"c2VjcmV0\r\n").server(b"235 welcome\r\n").client(b"QUIT\r\n").frames)
    assert pairs(found) == [(None, 235), ("QUIT", None)]


def test_starttls_ends_what_is_read() -> None:
    talk = begun(587).client(b"STARTTLS\r\n").server(b"220 go\r\n").client(b"\x16\3\1\0\5hello\r\nQUIT\r\n")
    assert pairs(heard(talk.frames))[2:] == [("STARTTLS", 220)]


def test_a_command_without_a_reply() -> None:
    early = begun().client(b"NOOP\r\n").frames
    late = Talk(25, srcport=50_000, at=1000).open().server(b"220 x\r\n").frames
    found = same_in_any_batches(early + late)
    assert pairs(found) == [(None, 220), ("EHLO", 250), ("NOOP", None), (None, 220)]


def test_a_client_that_does_not_wait_for_the_greeting() -> None:
    talk = Talk(25).open().client(b"EHLO me\r\n").server(b"220 mx\r\n250 mx\r\n")
    assert pairs(heard(talk.frames)) == [(None, 220), ("EHLO", 250)]


def test_a_lost_reply_leaves_the_commands_before_it_unanswered() -> None:
    talk = begun().client(b"NOOP\r\n").server(b"250 lost\r\n").client(b"NOOP\r\n").server(b"250 got\r\n")
    frames = talk.client(b"VRFY a\r\n").server(b"252 maybe\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n").frames
    del frames[7]
    found = pairs(same_in_any_batches(frames))
    assert ("NOOP", None) in found
    assert ("NOOP", 250) not in found
    assert ("QUIT", 221) in found


def test_at_the_cap_the_oldest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.smtp.tracker.MOST_WAITING", 3)
    frames = [f for n in range(5) for f in begun(srcport=50_000 + n).client(b"VRFY %d\r\n" % n).frames]
    found = heard(frames)
    assert ("smtp-forgotten", 1) in found.events
    asked = [r["smtp.req.parameter"] for r in found.rows["smtp"] if r.get("smtp.req.command") == "VRFY"]
    assert asked == ["0", "1", "2", "3", "4"]


def test_hostile_lines() -> None:
    junk = (b"\n" * 50, b"\r" * 50 + b"\n", b"A" * 9000 + b"\r\n", b"MAIL\r\n", b"RCPT TO:\r\n", b"BDAT x\r\n",
            b"BDAT 99999999999999999999 LAST\r\n", b"\0\xff\r\n", b"BDAT -1\r\n", b"AUTH\r\n", b".\r\n")  # fmt: skip
    for piece in junk:
        for mss in (1460, 3):
            talk = begun(mss=mss).client(piece).server(piece).server(b"999\r\n12\r\n250-").close()
            assert pairs(heard(talk.frames))[:2] == [(None, 220), ("EHLO", 250)]


TALKS = (
    (b"", b"FOOBAR x\r\n", b"<500 what\r\n", b"RSET\r\nFOOBAR\r\n", b"XX\r\nRSET\r\n"),
    (b"DATA\r\n", b"<354 go\r\n", b"a\r\n", b".\r\n", b"NOOP\r\n.\r\n"),
    (b"DATA\r\na\r\n.", b"\r\n", b"QUIT\r\n", b".\r\n"),
    (b"BDAT 5\r\n", b"abc\r\n", b"BDAT 0 LAST\r\n", b"DATA\r\n"),
    (b"BDAT 5 LAST\r\n", b"abc\r\n", b"QUIT\r\n"),
    (b"BDAT 5\r\n", b"abc\r\n", b"BDAT 6 LAST\r\n", b"abcd\r\n", b"BDAT 5\r\n", b"abc\r\n", b"BDAT 0 LAST\r\n",
     b"DATA\r\n", b"x\r\n", b".\r\n", b"DATA\r\n", b"y\r\n.\r\n"),
    (b"AUTH LOGIN\r\n", b"<334 eA==\r\n", b"eA==\r\n", b"<334 \r\n", b"eQ==\r\n", b"<535 no\r\n", b"x\r\n"),
    (b"AUTH NTLM TlRM\r\n", b"<334 TlRM\r\n", b"TlRM\r\n", b"<235 ok\r\n"),
    (b"AUTH PLAIN\r\n", b"<334 \r\n", b"eA==\r\n", b"AUTH PLAIN eA==\r\n", b"STARTTLS\r\n", b"<454 no\r\n", b"XX\r\n"),
    (b"<220-x\r\n221-y\r\n220 z\r\n250-a", b"<\r\n250", b"< ok\r\nhi\r\n250-\r\n250 \r\n250\r\n"),
    (b"EHLO", b" a\rNOOP\r", b"\nQUIT\n\r\nHELO b\0c \xe4\t\r\n"),
)
"""What is said after the beginning; what the server says has a `<` before it."""


def test_what_is_shown_is_what_tshark_shows(tmp_path: Path) -> None:
    frames = []
    for number, said in enumerate(TALKS):
        talk = begun(srcport=41_000 + number, port=(25, 587)[number % 2])
        for data in said:
            talk = talk.server(data[1:]) if data[:1] == b"<" else talk.client(data)
        frames += talk.frames
    fields = ["smtp.response.code", "smtp.rsp.parameter", "smtp.req.command", "smtp.req.parameter", "smtp.command_line",
              "_ws.col.Protocol"]  # fmt: skip
    ours, theirs = both(frames, tmp_path, fields)
    assert len(ours) > 80
    assert ours == theirs

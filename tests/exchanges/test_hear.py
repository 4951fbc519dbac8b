"""The tests' own ear: what is said arrives, in any batches."""

from __future__ import annotations

from tests.exchanges.hear import Talk, answer, ask, same_in_any_batches

QUERY = bytes.fromhex("123401000001000000000000016100000100 01".replace(" ", ""))
REPLY = bytes.fromhex("123481830001000000000000016100000100 01".replace(" ", ""))


def test_a_query_and_its_response() -> None:
    found = same_in_any_batches([ask(QUERY), answer(REPLY, 0.25)])
    (row,) = found.rows["dns"]
    assert (row["shoal.request_frame"], row["shoal.response_frame"], row["dns.flags.rcode"]) == (1, 2, 3)
    assert row["shoal.response_time"] == 250_000_000
    assert found.details[2]["dns.id"] == [0x1234]
    assert found.names == {1: "DNS", 2: "DNS"}


def test_a_conversation_of_segments() -> None:
    frames = Talk(9999, mss=10).open().client(b"x" * 25).close().frames
    assert len(frames) == 3 + 3 + 3
    assert set(same_in_any_batches(frames).names.values()) == {"TCP"}

"""Captures of TCP: TTLs of another path, resets by somebody else, full-sized segments that vanish; and their traps."""

from __future__ import annotations

import struct

from tests.anomalies.make.wire_frames import ACK, FIN, MS, PSH, RST, SECOND, SYN, Side, Talk, Timed, too_big

BIG = 1460


def _opened(exchanges: int = 10, six: bool = False) -> Talk:
    talk = Talk()
    if six:
        talk.client, talk.server = Side("2001:db8::1", 40_000, 64, 77), Side("2001:db8:1::2", 80, 54, 99)
    talk.open()
    talk.exchange(exchanges)
    return talk


# TTLs.

def hijacked(six: bool = False) -> list[Timed]:
    """Amid a connection a segment comes from elsewhere: its TTL is another one, and behind it the server goes on."""
    talk = _opened(six=six)
    talk.segment(talk.server, ACK | PSH, 300, ttl=113, fill=0x66)
    talk.exchange(5)
    return talk.frames


def raced() -> list[Timed]:
    """The first reply is forged, and comes before the true one, which has the same number."""
    talk = _opened(0)
    talk.send(talk.client, 100)
    talk.segment(talk.server, ACK | PSH, 300, ttl=113, fill=0x66)
    talk.exchange(1)
    return talk.frames


def rerouted() -> list[Timed]:
    """From a segment on, all come by another path."""
    talk = _opened()
    talk.server.ttl = 47
    talk.exchange(10)
    return talk.frames


def rerouted_and_back() -> list[Timed]:
    """A path fails over, and comes back: each has many segments."""
    talk = _opened()
    for ttl in (47, 54, 47, 54):
        talk.server.ttl = ttl
        talk.exchange(10)
    return talk.frames


def answered_by_another() -> list[Timed]:
    """What stands before the server answers the SYN itself, with the TTL of its own."""
    talk = Talk()
    talk.open(syn_ack_ttl=255)
    talk.exchange(10)
    return talk.frames


def acknowledged_by_another() -> list[Timed]:
    """A proxy acknowledges, with its TTL; data comes from the server, with another."""
    talk = Talk()
    talk.open(syn_ack_ttl=255)
    for _ in range(10):
        talk.send(talk.client, 100)
        talk.answer(talk.server, ttl=255)
        talk.send(talk.server, 400)
        talk.answer(talk.client)
    return talk.frames


def balanced() -> list[Timed]:
    """Segments go by two paths, one a hop longer."""
    talk = _opened()
    for k in range(20):
        talk.server.ttl = 54 - k % 2
        talk.exchange(1)
    return talk.frames


# Resets.

def injected(ttl: int = 54, ahead: int = 700, by_client: bool = False) -> list[Timed]:
    """A reset in the server's name (or the client's), with a number somewhat ahead; and its data goes on."""
    talk = _opened()
    side = talk.client if by_client else talk.server
    talk.segment(side, RST, seq=side.next + ahead, ttl=ttl)
    talk.exchange(5)
    return talk.frames


def guessed() -> list[Timed]:
    """Resets with one number after the other, a window apart each; and then nothing more."""
    talk = _opened()
    for k in range(1, 9):
        talk.now -= 4 * MS
        talk.segment(talk.server, RST, seq=talk.server.next + 8192 * k, ttl=113)
    return talk.frames


def aborted() -> list[Timed]:
    """A server resets its connection, while segments of both are under way."""
    talk = _opened()
    for _ in range(3):
        talk.send(talk.client, 400)
    talk.segment(talk.server, RST | ACK)
    # Each segment that arrives later is answered by a reset, at the number that it acknowledges.
    for _ in range(3):
        talk.send(talk.client, 400)
        talk.segment(talk.server, RST)
    return talk.frames


def aborted_with_much_under_way() -> list[Timed]:
    """A client that closed resets what still comes: each reset has the number that the segment acknowledged."""
    talk = _opened()
    before = talk.client.next
    talk.send(talk.client, 300)
    talk.send(talk.client, 300)
    for number in (before, before + 300, before + 600):
        talk.send(talk.server, 1000, ack=number)
        talk.segment(talk.client, RST, seq=number)
    return talk.frames


def overtaken() -> list[Timed]:
    """The reset overtakes the last data, which then comes: it lies before the reset's number."""
    talk = _opened()
    seq = talk.server.next
    talk.segment(talk.server, RST | ACK, seq=seq + 400)
    talk.segment(talk.server, ACK | PSH, 400, seq=seq)
    return talk.frames


def reset_by_a_firewall() -> list[Timed]:
    """A firewall ends a connection that was idle: the reset has its TTL, and nothing follows."""
    talk = _opened()
    talk.wait(1800 * SECOND)
    talk.segment(talk.server, RST | ACK, ttl=255)
    talk.segment(talk.client, RST | ACK, ttl=63)
    return talk.frames


def reset_and_opened_again() -> list[Timed]:
    """The ports are used again at once, and the new connection has data."""
    talk = _opened()
    talk.segment(talk.server, RST | ACK, ttl=255)
    again = Talk(now=talk.now + SECOND)
    again.client.next, again.server.next = 5_000, 70_000
    again.open()
    again.exchange(5)
    return talk.frames + again.frames


# Full-sized segments.

def _uploading() -> Talk:
    talk = Talk()
    talk.open()
    talk.send(talk.client, 200)
    talk.answer(talk.server)
    return talk


def vanishing() -> list[Timed]:
    """Full-sized segments are sent again and again; a smaller one behind them arrives, and is told by SACK."""
    talk = _uploading()
    first, acked = talk.client.next, talk.client.next
    talk.send(talk.client, BIG)
    talk.send(talk.client, BIG)
    talk.send(talk.client, 300)
    # The blocks' numbers are from the first one of the connection on; only their width counts.
    block = struct.pack(">BBBBII", 1, 1, 5, 10, first + 2 * BIG & 0xFFFFFFFF, first + 2 * BIG + 300 & 0xFFFFFFFF)
    talk.segment(talk.server, ACK, ack=acked, options=block)
    _again(talk, talk.client, first, 5)
    return talk.frames


def _again(talk: Talk, sender: Side, first: int, times: int) -> None:
    """The full-sized segment from `first` on is sent again and again, ever later."""
    for k in range(times):
        talk.wait(300 * MS << k)
        talk.segment(sender, ACK | PSH, BIG, seq=first)


def vanishing_in_silence() -> list[Timed]:
    """The reply is all full-sized segments, and none arrives: the client has nothing to say."""
    talk = Talk()
    talk.open()
    talk.send(talk.client, 200)
    first = talk.server.next
    for _ in range(10):
        talk.send(talk.server, BIG)
    _again(talk, talk.server, first, 5)
    return talk.frames


def made_smaller() -> list[Timed]:
    """The sender finds out by itself: it sends smaller pieces, and they arrive."""
    talk = _uploading()
    first = talk.client.next
    talk.send(talk.client, BIG)
    _again(talk, talk.client, first, 3)
    talk.wait(3 * SECOND)
    talk.segment(talk.client, ACK, 512, seq=first)
    talk.segment(talk.server, ACK, ack=first + 512)
    return talk.frames


def told_by_icmp() -> list[Timed]:
    """The router says that it needs fragments: no black hole, though the sender does not listen."""
    talk = _uploading()
    first = talk.client.next
    talk.send(talk.client, BIG)
    talk.send(talk.client, 300)
    talk.segment(talk.server, ACK, ack=first)
    for k in range(5):
        talk.wait(300 * MS << k)
        frame = talk.segment(talk.client, ACK | PSH, BIG, seq=first)
        talk.frames.append((talk.now, too_big("10.9.9.9", frame, 1280)))
    return talk.frames


def host_gone() -> list[Timed]:
    """Full-sized segments had arrived; then the receiver is gone."""
    talk = _uploading()
    for _ in range(5):
        talk.send(talk.client, BIG)
        talk.answer(talk.server)
    first = talk.client.next
    talk.send(talk.client, BIG)
    _again(talk, talk.client, first, 6)
    return talk.frames


def host_gone_early() -> list[Timed]:
    """The receiver is gone before the first full-sized segment: the small one behind it stays unanswered too."""
    talk = _uploading()
    first = talk.client.next
    talk.send(talk.client, BIG)
    talk.send(talk.client, 300)
    _again(talk, talk.client, first, 6)
    return talk.frames


def lost_by_chance() -> list[Timed]:
    """One segment is lost again and again, while others as large arrive."""
    talk = _uploading()
    first = talk.client.next
    for _ in range(4):
        talk.send(talk.client, BIG)
    block = struct.pack(">BBBBII", 1, 1, 5, 10, first + BIG & 0xFFFFFFFF, first + 4 * BIG & 0xFFFFFFFF)
    for k in range(5):
        talk.segment(talk.server, ACK, ack=first, options=block)
        talk.wait(300 * MS << k)
        talk.segment(talk.client, ACK | PSH, BIG, seq=first)
    return talk.frames


def window_closed() -> list[Timed]:
    """The receiver takes nothing: its window is closed, and the sender tries with full-sized segments."""
    talk = _uploading()
    first = talk.client.next
    talk.send(talk.client, BIG)
    for k in range(6):
        talk.segment(talk.server, ACK, ack=first, window=0)
        talk.wait(300 * MS << k)
        talk.segment(talk.client, ACK | PSH, BIG, seq=first)
    return talk.frames


# Endings in words.

def refused(times: int = 1) -> list[Timed]:
    """Nothing listens at that port."""
    frames: list[Timed] = []
    for k in range(times):
        talk = Talk()
        talk.client.port += k
        talk.now += k * SECOND
        talk.segment(talk.client, SYN)
        talk.client.next += 1
        talk.segment(talk.server, RST | ACK, seq=0)
        frames += talk.frames
    return frames


def closed() -> list[Timed]:
    """A connection that ends well."""
    talk = _opened()
    for side in (talk.client, talk.server):
        talk.segment(side, FIN | ACK)
        side.next += 1
        talk.answer(talk.other(side))
    return talk.frames


# The capture.

def missed(conversations: int, of: int, *, lost: bool = False) -> list[Timed]:
    """Downloads side by side; of the first `of` ones every third segment of data is not in the capture, though it was
    acknowledged. With `lost` it was lost in the network instead: it is acknowledged when it was sent again."""
    frames: list[Timed] = []
    for k in range(conversations):
        talk = Talk()
        talk.client.port += k
        talk.now += k * MS
        talk.open()
        talk.send(talk.client, 100)
        for j in range(30):
            before = talk.server.next
            talk.send(talk.server, 1000)
            if k < of and j % 3 == 0:
                talk.frames.pop()
                if lost:
                    talk.wait(200 * MS)
                    talk.segment(talk.server, ACK | PSH, 1000, seq=before)
            talk.answer(talk.client)
        frames += talk.frames
    return sorted(frames, key=lambda frame: frame[0])

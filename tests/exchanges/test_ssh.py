"""SSH connections: what is in clear, and what it leads to."""

from __future__ import annotations

import struct

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.notes import Notes
from pipeline.engine.ssh import messages
from pipeline.engine.ssh.dialogue import SshDialogue
from pipeline.engine.ssh.tracker import Ssh
from pipeline.schema.exchanges.ssh import SSH
from tests.exchanges.hear import SECOND, Talk, heard, same_in_any_batches

OURS = ("curve25519-sha256,diffie-hellman-group14-sha1", "ssh-ed25519,ssh-rsa", "aes128-ctr,aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com,aes128-ctr", "hmac-sha1,hmac-sha2-256", "hmac-sha2-256", "none", "none", "", "")
THEIRS = ("diffie-hellman-group14-sha1", "ssh-rsa,ssh-ed25519", "aes256-gcm@openssh.com,aes128-ctr",
          "aes128-ctr,chacha20-poly1305@openssh.com", "hmac-sha2-256", "hmac-sha2-256", "none,zlib", "none", "", "")
KEY = struct.pack(">I", 7) + b"ssh-rsa" + struct.pack(">I", 3) + b"\1\0\1"


def packet(payload: bytes) -> bytes:
    """A packet in clear (RFC 4253 6)."""
    padding = 4 + -(9 + len(payload)) % 8
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def kexinit(lists: tuple[str, ...]) -> bytes:
    """A packet with the lists."""
    names = b"".join(struct.pack(">I", len(n)) + n.encode() for n in lists)
    return packet(bytes([20]) + bytes(16) + names + b"\0" + bytes(4))


REPLY = packet(bytes([31]) + struct.pack(">I", len(KEY)) + KEY + struct.pack(">I", 2) + b"ff")
NEWKEYS = packet(bytes([21]))


def connection(port: int = 22, mss: int = 1460) -> Talk:
    """A connection up to its first encrypted packets."""
    talk = Talk(port, mss=mss).open().client(b"SSH-2.0-ours\r\n").wait(0.1).server(b"SSH-2.0-theirs remark\r\n")
    talk.client(kexinit(OURS)).server(kexinit(THEIRS)).client(packet(bytes([30]) + bytes(8)))
    return talk.server(REPLY + NEWKEYS).client(NEWKEYS).client(b"\x99" * 40).server(b"\x88" * 40).close()


def test_a_connection() -> None:
    found = same_in_any_batches(connection().frames)
    (row,) = found.rows["ssh"]
    assert (row["shoal.ssh.client"], row["shoal.ssh.server"]) == ("SSH-2.0-ours", "SSH-2.0-theirs remark")
    assert (row["shoal.ssh.version"], row["tcp.dstport"]) == (2, 22)
    assert row["shoal.ssh.kex"] == "diffie-hellman-group14-sha1"
    assert row["shoal.ssh.host_key"] == "ssh-ed25519"
    assert (row["shoal.ssh.cipher_client_to_server"], row["shoal.ssh.mac_client_to_server"]) == (
        "aes128-ctr", "hmac-sha2-256")  # fmt: skip
    assert row["shoal.ssh.cipher_server_to_client"] == "chacha20-poly1305@openssh.com"
    assert "shoal.ssh.mac_server_to_client" not in row
    assert row["ssh.host_key.type"] == "ssh-rsa"
    assert row["ssh.kex.hassh"] == messages.hassh(";".join((OURS[0], OURS[2], OURS[4], OURS[6])))
    assert row["ssh.kex.hasshserver"] == messages.hassh(";".join((THEIRS[0], THEIRS[3], THEIRS[5], THEIRS[7])))
    assert row["shoal.ssh.banner_time"] == SECOND // 10 + SECOND // 1000
    assert (row["shoal.ssh.client.kexinit_frame"], row["shoal.ssh.server.newkeys_frame"]) == (6, 9)
    assert row["shoal.ssh.kex_time"] == 3 * SECOND // 1000
    assert found.details[4]["ssh.protocol"] == ["SSH-2.0-ours"]
    assert found.details[9]["ssh.message_code"] == [31, 21]
    assert [found.names[n] for n in (4, 5, 6, 11, 12)] == ["SSH", "SSHv2", "SSHv2", "SSHv2", "SSHv2"]


def test_packets_over_several_segments() -> None:
    small, whole = same_in_any_batches(connection(mss=100).frames), heard(connection().frames)
    ours, theirs = small.rows["ssh"][0], whole.rows["ssh"][0]
    same = [n for n in theirs if n.startswith(("shoal.ssh.cipher", "ssh.", "shoal.ssh.client.kex_alg"))]
    assert len(same) > 5
    assert {n: ours[n] for n in same} == {n: theirs[n] for n in same}
    assert small.names[6] == "TCP"


def test_on_another_port_there_is_a_row_but_wireshark_shows_none() -> None:
    found = heard(connection(2022).frames)
    assert found.rows["ssh"][0]["shoal.ssh.kex"] == "diffie-hellman-group14-sha1"
    assert found.details == {}
    assert set(found.names.values()) == {"TCP"}


def test_only_a_banner_is_a_row_once_nothing_more_comes() -> None:
    talk = Talk(22).open().client(b"SSH-2.0-scanner\n")
    (row,) = heard(talk.frames).rows["ssh"]
    assert row["shoal.ssh.client"] == "SSH-2.0-scanner"
    assert "shoal.ssh.server" not in row


def test_a_beginning_that_takes_too_long_is_told() -> None:
    talk = Talk(22).open().client(b"SSH-2.0-slow\n").wait(300)
    later = Talk(22, srcport=41_000, at=300).open().client(b"SSH-2.0-later\n")
    rows = same_in_any_batches(talk.frames + later.frames).rows["ssh"]
    assert [r["shoal.ssh.client"] for r in rows] == ["SSH-2.0-slow", "SSH-2.0-later"]


def test_lines_before_the_servers_banner() -> None:
    talk = Talk(22).open().server(b"be welcome\r\nSSH-2.0-theirs\r\n").client(b"SSH-2.0-ours\r\n").close()
    found = heard(talk.frames)
    assert found.rows["ssh"][0]["shoal.ssh.server"] == "SSH-2.0-theirs"
    assert "ssh.protocol" not in found.details.get(4, {})


def test_lengths_that_lie() -> None:
    for bad in (b"\xff\xff\xff\xff\4\x14", b"\0\0\0\1\xff\x14", b"\0\0\0\0\0\0", packet(bytes([20]) + b"\xff" * 40),
                packet(bytes([31]) + b"\xff" * 9), packet(bytes([1]))):  # fmt: skip
        talk = Talk(22).open().client(b"SSH-2.0-ours\r\n").server(b"SSH-2.0-theirs\r\n").client(bad).server(bad)
        (row,) = heard(talk.client(b"x" * 99).frames).rows["ssh"]
        assert row["shoal.ssh.client"] == "SSH-2.0-ours"
        assert "shoal.ssh.kex" not in row


def test_version_1() -> None:
    old = struct.pack(">I", 12) + bytes(4) + b"\2" + bytes(11)
    talk = Talk(22).open().server(b"SSH-1.99-both\n").client(b"SSH-1.5-old\n").server(old).client(old).close()
    found = same_in_any_batches(talk.frames)
    assert found.rows["ssh"][0]["shoal.ssh.version"] == 1
    assert found.details[6]["ssh.message_code"] == [2]
    assert [found.names[n] for n in (5, 6)] == ["SSH", "SSHv1"]


def test_at_the_cap_the_oldest_is_told(monkeypatch) -> None:
    monkeypatch.setattr("pipeline.engine.ssh.tracker.MOST_WAITING", 4)
    frames = [f for n in range(6) for f in Talk(22, srcport=50_000 + n, at=n).open().client(b"SSH-2.0-%d\n" % n).frames]
    found = heard(frames)
    assert ("ssh-forgotten", 1) in found.events
    assert [r["shoal.ssh.client"] for r in found.rows["ssh"]] == [f"SSH-2.0-{n}" for n in range(6)]


def test_a_conversation_restored_is_the_same() -> None:
    tracker = Ssh(Notes(), Outlet(None))
    dialogue = SshDialogue(tracker)
    again = tracker.restored(dialogue.state())
    assert again.state() == dialogue.state()
    assert SSH.name == "ssh_states"

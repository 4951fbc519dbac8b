"""Capture-filter expressions, compiled by libpcap, over frames of several link types."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from collectors.filters import FilterError, compile_filter, matches
from tests.filters.frames import frames_of, libpcap_accepts

ROOT = Path(__file__).resolve().parents[2]
ETHERNET, RAW, SLL, NULL, WLAN, RADIOTAP, PPP, IPV4 = 1, 101, 113, 0, 105, 127, 9, 228
EXPRESSIONS = """
host 10.0.0.1 | src host 10.0.0.2 | dst net 224.0.0.0/4 | net 10 | net 192.168.0.0 mask 255.255.0.0 | port 53
src port 80 | dst port 443 | portrange 1000-2000 | udp portrange 5000-65535 | tcp | udp | icmp | icmp6 | ip | ip6
igmp | sctp | ip multicast | ip6 multicast | less 60 | greater 100 | len > 200 | len % 2 = 0
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 | tcp[tcpflags] == tcp-syn | tcp[20:4] = 0x47455420
tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420 | ip[6:2] & 0x1fff != 0 | ip[8] < 64
ip[2:2] - ((ip[0]&0xf)<<2) > 30 | icmp[icmptype] = icmp-echo | ip proto 47 | ip6 proto 58 | ip6[6] == 17
not (tcp or udp) | tcp and not port 80 and not port 443 | host 10.0.0.1 or (udp and port 67) | ip6 host ff02::1
ip6 net fe80::/10 | ip[2:2] / 3 > 20 | ip[4:2] * 3 & 1 == 1 | -ip[4:2] & 3 = 1 | ip[ip[8]] > 128
udp[8:2] >> 3 & 7 = 1 | ip[8] ^ 3 > 7 | ip broadcast | icmp or icmp6 | tcp[13] = 2 and dst port 80
"""
OF_ETHERNET = """
vlan | vlan 10 | vlan and ip | vlan and vlan and tcp | mpls | pppoes | ether host ff:ff:ff:ff:ff:ff | ether broadcast
ether multicast | broadcast | multicast | ether src 02:00:00:00:00:01 | ether proto 0x0800 | ether[12:2] >= 0x600 | arp
arp host 10.0.0.1 | stp | llc | rarp | ether proto 0x88cc
"""
OF_WLAN = """
type mgt | type data | type ctl | type mgt subtype beacon | subtype probe-req | wlan addr1 ff:ff:ff:ff:ff:ff
wlan host 02:00:00:00:00:01 | dir tods
"""


def expressions(text: str) -> list[str]:
    """The expressions of a table, in which " | " stands between two and a bitwise or has no blanks round it."""
    return [e.strip() for line in text.strip().splitlines() for e in line.split(" | ")]


def tcp(source: int, destination: int, flags: int) -> bytes:
    """A TCP header of 20 bytes."""
    return struct.pack(">HHIIBBHHH", source, destination, 1, 2, 0x50, flags, 3, 4, 5)


def ip_packets(rnd: random.Random, count: int) -> list[bytes]:
    """IPv4 and IPv6 packets of many kinds, a tenth of them cut short."""
    found = []
    ports = (53, 67, 80, 443, 1500, 5000, 60_000)
    for _ in range(count):
        protocol = rnd.choice((1, 2, 6, 6, 6, 17, 17, 47, 58, 132))
        if protocol == 6:
            body = tcp(rnd.choice(ports), rnd.choice(ports), rnd.choice((2, 16, 18, 17, 4)))
            body += rnd.choice((b"", b"GET / HTTP/1.1\r\n"))
        elif protocol in (17, 132):
            body = struct.pack(">HHHH", rnd.choice(ports), rnd.choice(ports), 20, 0) + rnd.randbytes(12)
        else:
            body = bytes([rnd.choice((0, 8, 11, 128, 135)), 0]) + rnd.randbytes(rnd.randrange(6, 60))
        if rnd.random() < 0.7:
            fragment = rnd.choice((0, 0, 0, 0x4000, 0x2000, 100))
            addresses = [rnd.choice((b"\x0a\0\0\1", b"\x0a\0\0\2", b"\xe0\0\0\1", b"\xff\xff\xff\xff", b"\xc0\xa8\1\1"))
                         for _ in range(2)]  # fmt: skip
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), rnd.randrange(1 << 16), fragment,
                                 rnd.choice((1, 30, 64, 255)), protocol, 0) + b"".join(addresses) + body  # fmt: skip
        else:
            prefixes = (b"\xfe\x80", b"\xff\2", b"\x20\1")
            addresses = [rnd.choice(prefixes) + bytes(13) + b"\1" for _ in range(2)]
            packet = struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + b"".join(addresses) + body
        found.append(packet if rnd.random() < 0.9 else packet[: rnd.randrange(len(packet))])
    return found


def framed(rnd: random.Random, packet: bytes, linktype: int) -> bytes:
    """`packet` behind a header of its link type."""
    six = packet[:1] >= b"\x60"
    kind = b"\x86\xdd" if six else b"\x08\0"
    mac = [rnd.choice((b"\2\0\0\0\0\1", b"\xff" * 6, b"\1\0\x5e\0\0\1")) for _ in range(3)]
    if linktype == ETHERNET:
        tags = rnd.choice((b"", b"", b"", b"\x81\0\0\x0a", b"\x88\xa8\0\x05\x81\0\0\x0a", b"\x88\x47\0\1\1\x40"))
        arp, stp, lldp, pppoe = b"\x08\6\0\1\x08\0\6\4\0\1", b"\0\x26\x42\x42\3", b"\x88\xcc\2\7", b"\x88\x64\x11"
        other = rnd.choice((b"", b"", b"", arp, stp, lldp, pppoe))
        return mac[0] + mac[1] + (other + packet if other else tags + kind + packet)
    if linktype == SLL:
        return struct.pack(">HHH", rnd.randrange(5), 1, 6) + mac[0] + b"\0\0" + kind + packet
    if linktype == NULL:
        return struct.pack("<I", rnd.choice((10, 24, 28, 30)) if six else 2) + packet
    if linktype == PPP:
        return b"\xff\3\0" + (b"\x57" if six else b"\x21") + packet
    if linktype in (WLAN, RADIOTAP):
        control = rnd.choice((b"\x08\1", b"\x08\2", b"\x88\0", b"\x80\0", b"\x40\0", b"\xd4\0", b"\xb4\0", b"\x08\3"))
        frame = control + b"\0\0" + b"".join(mac) + b"\0\0" + (b"\0\0" if control == b"\x88\0" else b"")
        frame += b"\xaa\xaa\3\0\0\0" + kind + packet
        return frame if linktype == WLAN else b"\0\0\x0a\0\0\0\0\0\0\0" + frame
    return packet


@pytest.mark.parametrize("linktype", [ETHERNET, RAW, SLL, NULL, WLAN, RADIOTAP, PPP, IPV4])
def test_expressions_decide_as_libpcap(linktype: int) -> None:
    rnd = random.Random(linktype)
    frames = frames_of([framed(rnd, p, linktype) for p in ip_packets(rnd, 800)], linktype)
    wanted = expressions(EXPRESSIONS)
    if linktype in (ETHERNET, WLAN, RADIOTAP):
        wanted += expressions(OF_ETHERNET if linktype == ETHERNET else OF_WLAN)
    assert len(wanted) > 45
    told_apart = 0
    for expression in wanted:
        program = compile_filter(expression, linktype)
        found = matches(expression, frames)
        assert found.tolist() == libpcap_accepts(program, frames), expression
        told_apart += 0 < found.sum() < len(frames)
    assert told_apart > 15, "expressions that take some frames and not others"


def test_known_answers() -> None:
    ip = bytes.fromhex("4500002800010000400600000a0000010a000002")
    syn, ack = ip + tcp(999, 80, 2), ip + tcp(999, 80, 16)
    dns = bytes.fromhex("4500001c00010000401100000a0000030a000002") + struct.pack(">HHHH", 999, 53, 8, 0)
    frames = frames_of([syn, ack, dns], RAW, [40, 1500, 28])
    assert matches("tcp[tcpflags] = tcp-syn", frames).tolist() == [True, False, False]
    assert matches("port 53", frames).tolist() == [False, False, True]
    assert matches("src host 10.0.0.1", frames).tolist() == [True, True, False]
    assert matches("greater 1000", frames).tolist() == [False, True, False], "of the length on the wire"
    assert matches("", frames).tolist() == [True] * 3
    assert matches(" \n", frames).tolist() == [True] * 3


def test_frames_of_several_link_types() -> None:
    rnd = random.Random(1)
    kinds = [rnd.choice((ETHERNET, RAW, SLL, NULL)) for _ in range(300)]
    data = [framed(rnd, p, k) for p, k in zip(ip_packets(rnd, 300), kinds, strict=True)]
    found = matches("tcp port 80", frames_of(data, kinds))
    alone = [bool(matches("tcp port 80", frames_of([d], k))[0]) for d, k in zip(data, kinds, strict=True)]
    assert found.tolist() == alone
    assert 0 < np.count_nonzero(found) < 300


def test_what_no_frame_of_a_link_type_can_match_takes_none() -> None:
    six, four = bytes([0x60]) + bytes(60), bytes([0x45]) + bytes(60)
    assert matches("ip6", frames_of([six, four], IPV4)).tolist() == [False, False]
    assert matches("ip6", frames_of([six, four], [RAW, IPV4])).tolist() == [True, False]


def test_link_types_that_scapy_does_not_know() -> None:
    frames = frames_of([bytes(50), bytes(150)], 239)
    assert matches("greater 100", frames).tolist() == [False, True]


@pytest.mark.parametrize(
    ("expression", "linktype", "says"),
    [
        ("tcp and prot 80", ETHERNET, "capture filter 'tcp and prot 80': "),
        ("port 80 and\n (", ETHERNET, "capture filter 'port 80 and (': can't parse filter expression: syntax error"),
        ("ip protochain 6", ETHERNET, "capture filter 'ip protochain 6': BPF instruction 19 jumps back"),
        ("inbound", ETHERNET, "does not hold"),
        ("inbound", RADIOTAP, "does not hold"),
        ("wlan type mgt", ETHERNET, "capture filter 'wlan type mgt': 802.11 link-layer types supported only on 802.11"),
        ("ip host 1.2.3.4", 60_001, "link"),
        ("tcp\0", ETHERNET, "zero character"),
    ],
)
def test_refused_expressions(expression: str, linktype: int, says: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(expression, linktype)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_programs_are_kept() -> None:
    assert compile_filter("udp port 4321", ETHERNET) is compile_filter("udp port 4321", ETHERNET)
    assert compile_filter("udp port 4321", RAW) is not compile_filter("udp port 4321", ETHERNET)


@pytest.mark.parametrize(
    ("module", "raised", "says"),
    [("scapy.libs", "ImportError('none')", "pip install 'shoal[sensor]'"),
     ("scapy.libs.winpcapy", "OSError('Cannot find libpcap.so library')", "apt install libpcap0.8")],
)  # fmt: skip
def test_what_is_missing_is_named(module: str, raised: str, says: str) -> None:
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: raise {raised}\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from collectors.filters import FilterError, compile_filter\n"
        "try: compile_filter('tcp', 1)\n"
        "except FilterError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert says in done.stdout


def test_scapy_is_loaded_for_a_filter_only_and_but_a_corner_of_it() -> None:
    code = (
        "import sys\n"
        "from collectors.filters import compile_filter\n"
        "print('scapy' in sys.modules)\n"
        "compile_filter('tcp', 1)\n"
        "print('scapy.libs.winpcapy' in sys.modules, 'scapy.packet' in sys.modules, 'scapy.config' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "False"]

"""`shoal read` as a user runs it: what goes in, what comes out, and how it ends."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOAL = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "read"]
FIELDS = ["-T", "fields", "-e", "frame.number", "-e", "frame.time_relative", "-e", "ip.src", "-e", "udp.dstport"]


def udp_frame(number: int, port: int) -> bytes:
    """Ethernet, IPv4 and UDP without payload."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 28, number, 0, 64, 17, 0, 0x0A000000 + number, 0x0A000064)
    return b"\x02" * 12 + b"\x08\x00" + ip + struct.pack(">HHHH", 1000, port, 8, 0)


def capture(path: Path, ports: list[int]) -> Path:
    """A pcap file with a UDP frame to each of `ports`, a second apart."""
    parts = [struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, port in enumerate(ports, 1):
        frame = udp_frame(number % 65536, port)
        parts += [struct.pack("<IIII", 1_700_000_000 + number, 250_000, len(frame), len(frame)), frame]
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return capture(tmp_path / "three.pcap", [53, 80, 53])


def shoal_read(*args: str | Path, stdin: bytes = b"", code: int = 0) -> tuple[str, str]:
    """Standard output and error of `shoal read`, which must end with `code`."""
    done = subprocess.run([*SHOAL, *map(str, args)], input=stdin, capture_output=True, cwd=ROOT, timeout=60)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


THREE = ["1\t0.000000000\t10.0.0.1\t53", "2\t1.000000000\t10.0.0.2\t80", "3\t2.000000000\t10.0.0.3\t53"]


def test_fields(three: Path) -> None:
    out, err = shoal_read("-r", three, *FIELDS)
    assert (out.splitlines(), err) == (THREE, "")


def test_summary(three: Path) -> None:
    out, _ = shoal_read("-r", three)
    assert out.splitlines()[1] == "    2   1.000000     10.0.0.2 → 10.0.0.100   UDP 42 1000 → 80 Length=8"


def test_settings(three: Path) -> None:
    out, _ = shoal_read("-r", three, "-E", "separator=,", "-E", "header=y", "-E", "quote=d", *FIELDS)
    assert out.splitlines()[:2] == ["frame.number,frame.time_relative,ip.src,udp.dstport",
                                    '"1","0.000000000","10.0.0.1","53"']


def test_any_character_separates(three: Path) -> None:
    """Also one of several bytes, and a byte that is no text."""
    command = [*map(os.fsencode, [*SHOAL, "-r", three]), *map(os.fsencode, FIELDS), b"-E"]
    for separator in ("→".encode(), b"\xff"):
        done = subprocess.run([*command, b"separator=" + separator], capture_output=True, cwd=ROOT, check=True)
        assert done.stdout.splitlines()[0] == separator.join(THREE[0].encode().split(b"\t"))


def test_standard_input(three: Path) -> None:
    out, _ = shoal_read("-r", "-", *FIELDS, stdin=three.read_bytes())
    assert out.splitlines() == THREE


def test_files_are_captures_of_their_own(three: Path, tmp_path: Path) -> None:
    """Numbers and times begin anew, the header stands once."""
    other = capture(tmp_path / "other.pcap", [99])
    out, _ = shoal_read("-r", three, "-r", other, "-E", "header=y", *FIELDS)
    assert out.splitlines()[1:] == [*THREE, "1\t0.000000000\t10.0.0.1\t99"]


def test_count(three: Path) -> None:
    """-c counts frames read, over all files, whether they match or not."""
    assert shoal_read("-r", three, "-c", "2", *FIELDS)[0].splitlines() == THREE[:2]
    assert shoal_read("-r", three, "-r", three, "-c", "4", *FIELDS)[0].splitlines() == [*THREE, THREE[0]]
    assert shoal_read("-r", three, "-c", "2", *FIELDS, "port", "53")[0].splitlines() == THREE[:1]


def tables(out: str) -> list[str]:
    """Titles and conversations of the tables in an output."""
    return [line for line in out.splitlines() if line.endswith(" Conversations") or "<->" in line]


def table(title: str, *conversations: tuple[str, str, int, str]) -> list[str]:
    """What `tables` gives for one whose conversations of 42 bytes went one way: ends, frames, start and duration."""
    width = 26 if title == "UDP" else 20
    return [f"{title} Conversations", *(
        f"{a:<{width}} <-> {b:<{width}}       0 0 bytes    {n:>6} {f'{42 * n} bytes':<9}  {n:>6} {f'{42 * n} bytes':<9}"
        f"     {times}" for a, b, n, times in conversations)]


def test_statistics_alone(three: Path) -> None:
    out, err = shoal_read("-q", "-r", three, "-z", "conv,udp")
    assert tables(out) == table(
        "UDP", *((f"10.0.0.{n}:1000", f"10.0.0.100:{port}", 1, f"{n - 1}.000000000         0.0000")
                 for n, port in ((1, 53), (2, 80), (3, 53))))
    assert out.splitlines()[0] == out.splitlines()[-1] == "=" * 80
    assert err == ""
    assert shoal_read("-q", "-r", three)[0] == ""
    assert shoal_read("-q", "-r", three, *FIELDS, "-E", "header=y")[0] == ""


def test_statistics_after_the_frames(three: Path) -> None:
    """The last asked for stands first, as in tshark."""
    out, _ = shoal_read("-r", three, *FIELDS, "-z", "conv,eth", "-z", "conv,tcp")
    assert out.splitlines()[:3] == THREE
    assert tables(out) == [*table("TCP"), *table(
        "Ethernet", ("02:02:02:02:02:02", "02:02:02:02:02:02", 3, "0.000000000         2.0000"))]


def test_statistics_count_what_matches(three: Path) -> None:
    """Of several files each has its own; -c holds for all of them together."""
    times = "2.000000000         0.0000"
    out, _ = shoal_read("-q", "-r", three, "-z", "conv,ip", "src host 10.0.0.3")
    assert tables(out) == table("IPv4", ("10.0.0.3", "10.0.0.100", 1, times))
    out, _ = shoal_read("-q", "-r", three, "-r", three, "-z", "conv,ip", "-c", "4", "port 53")
    first = ("10.0.0.1", "10.0.0.100", 1, "0.000000000         0.0000")
    assert tables(out) == [*table("IPv4", first, ("10.0.0.3", "10.0.0.100", 1, times)), *table("IPv4", first)]


def test_statistics_of_a_cut_file(three: Path) -> None:
    three.write_bytes(three.read_bytes()[:-1])
    out, err = shoal_read("-q", "-r", three, "-z", "conv,udp")
    assert len(tables(out)) == 3
    assert "cut at byte" in err


def test_filter(three: Path) -> None:
    """Frames that match keep the numbers and times they have in the file."""
    assert shoal_read("-r", three, *FIELDS, "udp", "port", "53")[0].splitlines() == [THREE[0], THREE[2]]
    assert shoal_read("-r", three, *FIELDS, "src host 10.0.0.2 or port 99")[0].splitlines() == [THREE[1]]
    assert shoal_read("-r", three, *FIELDS, "tcp")[0] == ""


def test_cut_file(three: Path) -> None:
    """The whole frames come out, then one line says where the file is cut; that is no failure."""
    three.write_bytes(three.read_bytes()[:-1])
    out, err = shoal_read("-r", three, *FIELDS)
    assert out.splitlines() == THREE[:2]
    assert err.startswith(f"shoal: warning: {three}: cut at byte 197")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("args", "said"), [
    (["-T", "fields"], "at least one -e"),
    (["-e", "ip.src"], "-T fields"),
    (["-E", "header=y"], "-T fields"),
    (["-T", "fields", "-e", "ip.scr"], "did you mean ip.src"),
    (["-T", "fields", "-e", "ip.src", "-E", "quote=x"], "-E quote=x"),
    (["-T", "json", "-e", "ip.src"], "json"),
    (["-c", "0"], "-c"),
    (["-q", "-z", "conv,foo"], "there are conv,eth, conv,ip, conv,ipv6, conv,tcp, conv,udp, dhcp,stat"),
    (["-z", "conv,tcp,ip.addr==10.0.0.1"], "a display filter after conv,tcp is not taken yet"),
    (["-q", "-e", "ip.src"], "-T fields"),
    (["no", "such", "filter"], "no such filter"),
])
def test_wrong_use(three: Path, args: list[str], said: str) -> None:
    out, err = shoal_read("-r", three, *args, code=2)
    assert out == ""
    assert said in err
    assert err.startswith("shoal: ")
    assert err.count("\n") == 1


def test_no_capture(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is no capture, whatever one calls it.")
    for args in (["-r", tmp_path / "text"], ["-r", tmp_path / "none"], []):
        out, err = shoal_read(*args, code=2)
        assert out == ""
        assert err.startswith("shoal: ")
        assert err.count("\n") == 1


def test_reader_goes_away(tmp_path: Path) -> None:
    """As with `shoal read | head`: no message, and no traceback."""
    path = capture(tmp_path / "many.pcap", [53] * 50_000)
    with subprocess.Popen([*SHOAL, "-r", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline().startswith(b"    1 ")
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141


def test_only_what_is_needed_is_loaded(three: Path) -> None:
    """Reading needs neither Arrow nor a database, nor scapy without a filter."""
    code = ("import sys; from pipeline.cli.main import run; code = run(sys.argv[1:]); "
            "print(code, *sorted({'pyarrow', 'chdb', 'clickhouse_connect', 'scapy', 'rich'} & set(sys.modules)))")
    command = [sys.executable, "-c", code, "read", "-r", str(three), *FIELDS]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().splitlines() == [*THREE, "0"]
    command[6:] = ["-q", "-z", "conv,tcp", "-z", "expert"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().splitlines()[-1] == "0"


def test_fields_that_are_planned_are_empty_and_said_so(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", [53])
    done = subprocess.run([*SHOAL, "-r", str(path), "-T", "fields", "-e", "udp.dstport", "-e", "wlan.sa"],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "53\t\n")
    assert "wlan.sa" in done.stderr


def test_planned_fields_have_no_column_yet() -> None:
    from pipeline.schema import PACKETS
    from pipeline.schema.planned import PLANNED
    from pipeline.schema.shown import shown

    assert PLANNED.isdisjoint(shown(PACKETS))

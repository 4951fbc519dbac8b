"""The scenarios: each is played by two kernels across the lab's switch and captured where it matters.

    python -m tests.netlab.scenarios [NAME ...]

makes the captures of all scenarios, or of those named, in tests/scenarios anew, and writes what tshark and the kernels
say of them to tests/scenarios/made.toml. Needs root, iproute2, tcpdump and tshark. How each conversation ended stands
in tests/scenarios/endings.toml, which is written by hand and holds for every making.
"""

from __future__ import annotations

import gzip
import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.netlab import endings, made, transfers
from tests.netlab.cut import backward_only, begin_later, forward_only, stretched, with_gaps
from tests.netlab.lab import Capture, Host, LabError, Port, lab
from tests.netlab.link import CLEAR, Way
from tests.netlab.made import FOLDER
from tests.netlab.stage import CLIENT, SERVER, Stage
from tests.netlab.transfers import Play, dialogue, download, upload

BOTH = ("client", "server")


@dataclass(frozen=True)
class Scenario:
    """A play, what the network does meanwhile, and where it is captured: at the client, at the server, or at a mirror
    of the switch (`between`), where what is lost on the way in was not seen, and what is lost on the way out was."""

    play: Play
    to_server: Way = CLEAR
    to_client: Way = CLEAR
    from_client: Way = CLEAR
    at: tuple[str, ...] = ("client",)
    delay: float = 0.005
    """One way, from host to host (seconds)."""
    version: int = 4
    snaplen: int = 96
    """Bytes that are captured of each frame: of most, all headers and little else; of IPv6 segments with SACK blocks, a
    header that is cut."""
    set: dict[str, str] = field(default_factory=dict)
    """Variables of both hosts' network stacks."""
    cut: Callable[[bytes], bytes] = bytes
    """What is done to the finished capture (a pcap file)."""


def _scenario_table() -> dict[str, Scenario]:
    send = upload(250_000)
    return {
        # Data moves.
        "clean": Scenario(send),
        "download": Scenario(download(60_000)),
        "loss-upload": Scenario(send, to_server=Way(loss=0.03), at=BOTH),
        "loss-download": Scenario(download(250_000), to_client=Way(loss=0.03), at=BOTH),
        "loss-heavy": Scenario(upload(60_000), to_server=Way(loss=0.15), at=BOTH),
        "loss-between": Scenario(send, from_client=Way(loss=0.03), to_server=Way(loss=0.03), at=("between",)),
        "loss-no-timestamps": Scenario(send, to_server=Way(loss=0.04), at=BOTH, set={"ipv4.tcp_timestamps": "0"}),
        "loss-no-sack": Scenario(send, to_server=Way(loss=0.04), at=BOTH, set={"ipv4.tcp_sack": "0"}),
        "loss-ipv6": Scenario(send, to_server=Way(loss=0.04), to_client=Way(ack_loss=0.1), at=BOTH, version=6),
        "loss-wan": Scenario(send, to_server=Way(loss=0.03), delay=0.05, at=BOTH),
        "loss-exchange": Scenario(transfers.exchange(80_000), at=BOTH,
                                  to_server=Way(loss=0.03, ack_loss=0.03), to_client=Way(loss=0.03, ack_loss=0.03)),
        "ack-loss": Scenario(send, to_client=Way(ack_loss=0.3), at=BOTH),
        "reordered": Scenario(send, to_server=Way(hold=0.08), at=BOTH),
        "reordered-wan": Scenario(send, to_server=Way(hold=0.05), delay=0.05, at=BOTH),
        "duplicated": Scenario(send, to_server=Way(copies=0.08), to_client=Way(copies=0.08), at=BOTH),
        "everything": Scenario(send, at=BOTH,
                               to_server=Way(loss=0.03, ack_loss=0.03, hold=0.05, copies=0.03, jitter=0.004),
                               to_client=Way(loss=0.03, ack_loss=0.03, hold=0.05, copies=0.03, jitter=0.004)),
        "jitter": Scenario(send, to_server=Way(jitter=0.02), to_client=Way(jitter=0.02), at=BOTH),
        "droptail-cubic": Scenario(upload(250_000), to_server=Way(rate=250_000, buffer=12_000), at=BOTH),
        "droptail-reno": Scenario(upload(250_000, congestion="reno"), to_server=Way(rate=250_000, buffer=12_000)),
        "droptail-bbr": Scenario(upload(250_000, congestion="bbr"), to_server=Way(rate=250_000, buffer=12_000)),
        "bufferbloat": Scenario(upload(250_000), to_server=Way(rate=250_000)),
        "slow-reader": Scenario(upload(60_000, rcvbuf=8192, read=2000, read_pause=0.02), at=BOTH),
        "stalled-reader": Scenario(upload(40_000, rcvbuf=4096, stall=2.5), at=BOTH),
        "stalled-client": Scenario(transfers.stalled_client, at=BOTH),
        "stalled-reader-loss": Scenario(upload(40_000, rcvbuf=4096, stall=2), at=BOTH,
                                        to_server=Way(loss=0.1), to_client=Way(ack_loss=0.1)),
        "window-full": Scenario(upload(60_000, rcvbuf=8192), delay=0.02, at=BOTH),
        "small-writes-nagle": Scenario(upload(3000, chunk=40, pause=0.002), delay=0.02),
        "small-writes-nodelay": Scenario(upload(4000, chunk=40, pause=0.002, nodelay=True), delay=0.02,
                                         to_server=Way(loss=0.05), at=BOTH),
        "dialogue": Scenario(dialogue(20, 900), delay=0.01),
        "dialogue-loss": Scenario(dialogue(30, 900), delay=0.01, at=BOTH,
                                  to_server=Way(loss=0.06, ack_loss=0.06), to_client=Way(loss=0.06, ack_loss=0.06)),
        "half-close": Scenario(transfers.half_close, to_server=Way(loss=0.02), to_client=Way(loss=0.02), at=BOTH),
        "outage": Scenario(transfers.outage(1.2), at=BOTH),
        "mtu-black-hole": Scenario(upload(40_000), to_server=Way(largest=1300), set={"ipv4.tcp_mtu_probing": "1"}),
        "fast-open": Scenario(transfers.fast_open),
        # How it begins, or does not.
        "refused": Scenario(endings.refused),
        "unanswered": Scenario(endings.unanswered),
        "unreachable": Scenario(endings.unreachable),
        "unreachable-ipv6": Scenario(endings.unreachable, version=6, snaplen=128),
        "answer-lost": Scenario(endings.answer_lost, at=BOTH),
        "answer-late": Scenario(endings.answer_late, at=BOTH),
        "backlog-full": Scenario(endings.backlog_full, at=("server",)),
        "scan": Scenario(endings.scan),
        "opened-by-both": Scenario(endings.opened_by_both, delay=0.02, at=BOTH),
        "reused-ports": Scenario(endings.reused_ports),
        # How it ends.
        "closed-by-both": Scenario(endings.closed_by_both, delay=0.02, at=BOTH),
        "server-stays-open": Scenario(endings.server_stays_open),
        "client-stays-open": Scenario(endings.client_stays_open),
        "fin-lost": Scenario(endings.fin_lost, at=BOTH),
        "aborted-by-client": Scenario(endings.aborted_by_client),
        "aborted-by-server": Scenario(endings.aborted_by_server),
        "closed-then-aborted": Scenario(endings.closed_then_aborted),
        "answered-with-abort": Scenario(endings.answered_with_abort),
        "server-killed": Scenario(endings.killed),
        "server-killed-unread": Scenario(endings.killed_unread),
        "server-closed-early": Scenario(endings.closed_early),
        "server-crashed": Scenario(endings.crashed, at=BOTH),
        "client-gone": Scenario(endings.client_gone, at=BOTH),
        "window-closed-and-gone": Scenario(endings.window_closed_and_gone),
        "server-rebooted": Scenario(endings.rebooted),
        "server-rebooted-keep-alive": Scenario(endings.rebooted_keep_alive),
        "client-rebooted": Scenario(endings.client_rebooted, at=("server",)),
        "keep-alive": Scenario(endings.kept_alive),
        "keep-alive-gave-up": Scenario(endings.keep_alive_gave_up),
        "left-idle": Scenario(endings.left_idle, cut=stretched(1, 120)),
        "left-busy": Scenario(endings.left_busy),
        # What the capture lacks.
        "begun-later": Scenario(send, to_server=Way(loss=0.03), cut=begin_later(40)),
        "slow-sniffer": Scenario(send, to_server=Way(loss=0.03), cut=with_gaps(0.1)),
        "forward-only": Scenario(send, to_server=Way(loss=0.03), cut=forward_only),
        "backward-only": Scenario(send, to_server=Way(loss=0.03), cut=backward_only),
    }


SCENARIOS = _scenario_table()


def play(name: str, folder: Path, seed: int = 1) -> dict[str, dict[str, int]]:
    """Play a scenario; its captures are written to `folder` as NAME-WHERE.pcap.gz. Returns the truth: what each way
    did, and what each kernel sent again. Raises LabError where the lab can't be built."""
    scenario = SCENARIOS[name]
    length = {4: 24, 6: 64}[scenario.version]
    client = Host("client", 1, (f"{CLIENT[scenario.version]}/{length}",),
                  Port(delay=scenario.delay / 2, into=scenario.from_client, out=scenario.to_client))
    server = Host("server", 2, (f"{SERVER[scenario.version]}/{length}",),
                  Port(delay=scenario.delay / 2, out=scenario.to_server))
    between = Host("between", 3, (), Port(mirror=True))
    hosts = {"client": client, "server": server} | ({"between": between} if "between" in scenario.at else {})
    with tempfile.TemporaryDirectory() as temporary, lab(tuple(hosts.values()), seed) as switch:
        for host, other in ((client, server), (server, client)):
            # So no segment waits for ARP, nor does the kernel give up for want of it while the other host is silent.
            address = other.addresses[0].split("/")[0]
            host.ip("neighbour", "add", address, "lladdr", other.mac, "dev", "eth0", "nud", "permanent")
        for host, (variable, value) in itertools.product((client, server), scenario.set.items()):
            host.set(variable, value)
        paths = {where: Path(temporary, f"{name}-{where}.pcap") for where in scenario.at}
        captures = [Capture(hosts[where], path, scenario.snaplen, "not ip6 multicast") for where, path in paths.items()]
        stage = Stage(client, server, switch, scenario.version)
        try:
            for capture in captures:
                capture.open()
            scenario.play(stage)
            time.sleep(0.1)
            truth = {
                "from_client": switch.into["client"].counts.as_dict(),
                "to_server": switch.out["server"].counts.as_dict(),
                "to_client": switch.out["client"].counts.as_dict(),
                **{f"{host.name}_kernel": _counted(host) for host in (client, server)},
            }
        finally:
            for capture in captures:
                capture.close()
            stage.close()
        for path in paths.values():
            data = gzip.compress(scenario.cut(path.read_bytes()), 9, mtime=0)
            (folder / f"{path.name}.gz").write_bytes(data)
    return {part: kept for part, counts in truth.items() if (kept := {k: n for k, n in counts.items() if n})}


def _counted(host: Host) -> dict[str, int]:
    """What the host's kernel sent: segments, those of them sent again, and how many of those were SYNs."""
    counted = host.counters()
    return {"sent": counted["OutSegs"], "resent": counted["RetransSegs"], "resent_syns": counted["TCPSynRetrans"]}


def main(names: list[str]) -> int:
    """The command. Returns its exit status."""
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        print(f"no scenario {unknown[0]!r}; they are: {' '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    for name in names or SCENARIOS:
        try:
            truth = play(name, FOLDER)
        except LabError as error:
            print(error, file=sys.stderr)
            return 1
        places = zip(SCENARIOS[name].at, captures_of(name), strict=True)
        kept = made.recorded()
        kept[name] = {"truth": truth} | {where: made.marks(made.by_tshark(path)) for where, path in places}
        made.record({name: kept[name] for name in SCENARIOS if name in kept})
        print(name, *(f"{path.name} {path.stat().st_size} bytes" for path in captures_of(name)), flush=True)
    return 0


def captures_of(name: str, folder: Path = FOLDER) -> list[Path]:
    """The captures of a scenario, as they are kept in tests/scenarios or in another folder."""
    return [folder / f"{name}-{where}.pcap.gz" for where in SCENARIOS[name].at]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

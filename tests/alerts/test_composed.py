"""What composed captures are made of, and what is said of them to be true."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.alerts.compose import LENGTH_SECONDS
from tests.alerts.judge import Alert, Truth, judge
from tests.alerts.library import FOLDER, PLAYS
from tests.alerts.spikes import MAKERS, compose
from tests.alerts.transfers import NEEDED, chatter, library


def test_the_transfers_are_those_that_the_kernels_played() -> None:
    found = library()
    assert list(found) == list(PLAYS)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_100_000
    for name, of in found.items():
        again = int((of.kinds > 0).sum())
        if name.startswith("loss-"):
            odds = float(name.split()[0].removeprefix("loss-")) / 100
            assert int((of.kinds == NEEDED).sum()) <= 2.5 * odds * len(of.sent) + 4, name
            assert again or odds < 0.01, name
        elif "clean" in name:
            assert again == 0, name


def test_moved_frames_are_whole(tmp_path: Path) -> None:
    mix = compose("one upload with 5 %", 1)
    talk = chatter()
    mix.add(talk["dns"], 10, "198.18.255.1", ("203.0.113.255", 53))
    mix.add(talk["http"], 20, "198.18.255.1", ("203.0.113.255", 80))
    kinds = mix.write(tmp_path / "x.pcap")
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    told = subprocess.run(
        ("tshark", "-n", "-r", str(tmp_path / "x.pcap"), *checks, "-T", "fields", "-e", "ip.checksum.status",
         "-e", "tcp.checksum.status", "-e", "udp.checksum.status", "-e", "tcp.analysis.retransmission",
         "-e", "tcp.analysis.out_of_order", "-e", "dns.a", "-e", "http.response.code"),
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    cells = [line.split("\t") for line in told]
    assert len(cells) == len(kinds)
    # "1" is good, "0" is bad; "2" is not known, as the frame was not captured whole.
    assert {row[0] for row in cells} == {"1"}
    assert {row[1] for row in cells if row[1]} == {"1", "2"}
    assert {row[2] for row in cells if row[2]} == {"1"}
    marked = [i for i, row in enumerate(cells) if row[3] or row[4]]
    assert marked == np.flatnonzero(kinds).tolist()
    assert [row[5] for row in cells if row[5]] == [f"198.51.100.{n}" for n in range(12)]
    assert [row[6] for row in cells if row[6]] == ["200"] * 8


def test_scenarios_are_of_ten_minutes_and_their_seeds() -> None:
    assert len(MAKERS) >= 30
    for name in MAKERS:
        times = compose(name, 1).times()
        assert 0 <= times[0] < 25, name
        assert LENGTH_SECONDS - 30 < times[-1] < LENGTH_SECONDS, name
    one, same, other = (compose("all of a server", seed) for seed in (1, 1, 2))
    assert one.placed == same.placed
    assert one.placed != other.placed


def _alert(kind: str, entity: str, begins: float, ends: float) -> Alert:
    return Alert("retransmission-spike", kind, entity, "closed", begins, ends, ends, ends + 30, (), True, "", "", "")


def test_the_judge() -> None:
    truth = Truth(compose("a service with 8 %", 1))
    (spike,) = truth.spikes()
    kind, service = spike.entity
    assert kind == "service"
    alert = _alert(kind, service, spike.begin, spike.end)
    verdict = judge(truth, [alert])
    assert (verdict.alerts, verdict.right, verdict.spikes, verdict.told, verdict.wrong) == (1, 1, 1, 1, [])
    assert verdict.late == [spike.end - spike.first_end]
    # The server may be named instead, but no other, and not at another time; nor may it go without an alert.
    assert judge(truth, [replace(alert, kind="host", entity=service.split(":")[0])]).told == 1
    (elsewhere, *_) = (s for s in truth.services() if s != service)
    for wrong in (replace(alert, entity=elsewhere), replace(alert, begins=20, ends=60)):
        verdict = judge(truth, [wrong])
        assert (verdict.right, verdict.told, len(verdict.wrong)) == (0, 0, 2)
    assert judge(truth, []).told == 0


def test_the_limits_of_the_truth() -> None:
    assert not Truth(compose("one clean transfer", 1)).spikes()
    assert not Truth(compose("few packets", 1)).spikes()
    assert Truth(compose("few packets", 1)).between()
    # Beside nothing else, and where the end of a window falls amid it.
    for name in ("one upload with 5 %", "one download with 5 %", "one with 5 %, across windows"):
        assert len(Truth(compose(name, 1)).spikes()) == 1, name
    # Through one link of a server goes what is lost, and no service has it all.
    assert "pair" in {spike.entity[0] for spike in Truth(compose("one link", 1)).spikes()}

"""`shoal collector` against a real broker: what it publishes, what it tells, and what it may do."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from collectors.decode import decode as decode_frames
from collectors.service.keep import kept
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.engine.front import Front
from pipeline.schema import PACKETS, topics
from pipeline.schema.columns import Columns
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.flows import FLOW_STATES
from pipeline.schema.message import LAYOUT, decode, read_head
from tests.broker.broker import Broker, unique
from tests.collector.running import ROOT, SHOAL, counted, heartbeats, messages, wait_for
from tests.engine.flow_rows import rows_of
from tests.fleet.shards import Rows

DEMO = ROOT / "samples" / "demo.pcapng"


def started(broker: Broker, prefix: str, *arguments: str) -> subprocess.Popen[str]:
    """A collector."""
    command = (*SHOAL, "collector", "--kafka", broker.address, "--prefix", prefix, "--sensor", "s", *arguments)
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_a_file_in_shards_gives_the_rows_of_the_whole(broker: Broker) -> None:
    prefix = unique("collector")
    ran = started(broker, prefix, "-r", str(DEMO), "--keep", "full")
    said = ran.communicate(timeout=60)[1]
    assert ran.returncode == 0, said
    whole = Rows()
    engine, columns = Engine(lambda rows: whole.flows.extend(rows_of(rows, FLOW_STATES)),
                             lambda rows: whole.events.extend(rows_of(rows, EVENT_STATES)),
                             whole.take_exchanges), Columns(PACKETS)
    with open_capture(str(DEMO)) as reader:
        for batch in reader:
            decode_frames(batch, columns)
            engine.process(columns)
            whole.packets.update((row["frame.number"], row) for row in rows_of(columns, PACKETS))
    engine.finish()
    found, ended = Rows(), 0
    shards = [found.shard() for _ in range(4)]
    for message in messages(broker, topics.packets(prefix, LAYOUT).name, 4):
        head = read_head(message.headers)
        shard = shards[head.shard]
        shard.take(head, columns, *decode(message.value, columns, shard.upto))
        found.packets.update((row["frame.number"], row) for row in rows_of(columns, PACKETS))
        if head.ends:
            shard.finish()
            ended += 1
    assert found.sorted() == whole.sorted()
    assert ended == 4
    frames = len(whole.packets)
    assert counted(said) == {"seen": frames, "published": frames, "left in the spool": 0, "dropped by kernel": 0,
                             "dropped by spool": 0}  # fmt: skip
    last = heartbeats(broker, prefix)[-1]
    assert (last["shoal.state"], last["shoal.frames.seen"], last["sensor"]) == ("ended", frames, "s")
    states = [json.loads(m.value) for m in messages(broker, topics.sensors(prefix).name) if m.headers]
    assert [state["shoal.state"] for state in states] == ["started", "complete"]
    assert states[-1]["shoal.frames"] == frames


def test_an_interface_without_privileges_follows_orders(broker: Broker) -> None:
    prefix = unique("collector")
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    port = receiver.getsockname()[1]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ran = started(broker, prefix, "-i", "lo", f"udp port {port}")
    try:
        wait_for(broker, prefix, shoal__state="running")
        status = Path(f"/proc/{ran.pid}/status").read_text()
        assert re.search(r"^CapEff:\s0{16}$", status, re.MULTILINE)
        assert re.search(r"^CapPrm:\s0{16}$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
        for k in range(250):
            sender.sendto(b"%d" % k, ("127.0.0.1", port))
        wait_for(broker, prefix, shoal__frames__seen=250)
        order = (*SHOAL, "fleet", "set", "s", "--kafka", broker.address, "--prefix", prefix)
        done = subprocess.run((*order, "--pause"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        wait_for(broker, prefix, shoal__state="paused")
        sender.sendto(b"unseen", ("127.0.0.1", port))
        refused = subprocess.run((*order, "--filter", "no such filter"), cwd=ROOT, capture_output=True, text=True,
                                 check=False, timeout=60)
        assert refused.returncode == 1
        assert "syntax error" in refused.stderr
    finally:
        ran.send_signal(signal.SIGINT)
        said = ran.communicate(timeout=60)[1]
        sender.close()
        receiver.close()
    assert ran.returncode == 0, said
    assert counted(said)["seen"] == counted(said)["published"] == 250
    assert heartbeats(broker, prefix)[-1]["shoal.state"] == "ended"


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "name interfaces by -i, or files by -r"), (("-i", "nosuch0"), "nosuch0"),
    (("-r", "nosuch.pcap"), "no such file"),
    (("-i", "lo", "no such filter"), "syntax error"), (("-i", "lo", "--metrics", "x"), "HOST:PORT"),
    (("-i", "lo", "--spool", "/proc/shoal"), "--spool"),
])  # fmt: skip
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    command = (*SHOAL, "collector", "--kafka", "127.0.0.1:9", *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_what_is_kept() -> None:
    columns, front = Columns(PACKETS), Front()
    with open_capture(str(DEMO)) as reader:
        (frames,) = list(reader)
    sizes = {}
    for keep in ("full", "smart", "headers"):
        decode_frames(frames, columns)
        front.process(columns)
        before = columns.raw_length.copy()
        kept(columns, keep, 2_000)  # type: ignore[arg-type]
        sizes[keep] = int(columns.raw_length.sum())
        tcp, udp = columns.present("tcp.seq"), columns.present("udp.srcport")
        assert tcp is not None
        assert udp is not None
        cut = columns.raw_length < before
        assert np.array_equal(columns.values("frame.cap_len"), columns.raw_length)
        assert not (cut & ~tcp & ~udp).any()
        if keep == "smart":
            early = tcp & (columns.values("tcp.seq").astype(np.int64) < 2_000)
            names = udp & (columns.values("udp.dstport") == 53)
            assert early.any()
            assert names.any()
            assert not (cut & (early | names)).any()
    assert sizes["full"] > sizes["smart"] > sizes["headers"]

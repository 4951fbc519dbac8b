"""Every name that is told here, as a list without order or meaning."""

from __future__ import annotations

from pipeline.engine.names.datagrams import DATAGRAMS
from pipeline.engine.names.layers import HEADER_NAMES
from pipeline.engine.names.segments import SEGMENTS

NAMES: tuple[str, ...] = tuple(dict.fromkeys((
    *HEADER_NAMES, "0x0000", "TFTP", "RTP", "RTCP",
    *(name for over in DATAGRAMS for name in (over.name, *over.says)),
    *(name for spoken in SEGMENTS for name in (spoken.name, *spoken.says)),
)))  # fmt: skip
"""`0x0000` stands for all EtherTypes without a name, which are told by their number."""

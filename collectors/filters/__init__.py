"""Capture filters: pcap-filter(7) expressions, compiled by libpcap and run over batches of frames."""

from collectors.filters.bpf import run
from collectors.filters.compile import compile_filter
from collectors.filters.match import matches
from collectors.filters.program import FilterError, Program

__all__ = ["FilterError", "Program", "compile_filter", "matches", "run"]

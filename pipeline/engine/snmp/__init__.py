"""SNMP: requests with their responses, traps (RFC 1157, RFC 3416, RFC 3412)."""

from pipeline.engine.snmp.tracker import Snmp

__all__ = ["Snmp"]

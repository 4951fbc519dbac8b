"""Addresses and services of parts in words, and as display filters."""

from __future__ import annotations

from ipaddress import IPv6Address


def address_of(data: bytes) -> str:
    """An address of 16 bytes; IPv4 (::ffff:0:0/96) as such."""
    found = IPv6Address(data)
    return str(found.ipv4_mapped or found)


def service_of(data: bytes) -> str:
    """An address and a port (2 bytes, most significant first): `192.0.2.1:443`, `[2001:db8::1]:443`."""
    host, port = address_of(data[:16]), int.from_bytes(data[16:], "big")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_filter(host: str, end: str = "addr") -> str:
    """Display filter for the packets of a host; `end` is `addr`, `src` or `dst`."""
    return f"{'ipv6' if ':' in host else 'ip'}.{end} == {host}"


def filter_of(data: bytes, end: str = "addr") -> str:
    """Display filter for the packets of a service: all, or with `end` those from it (`src`) or to it (`dst`)."""
    port = {"addr": "port", "src": "srcport", "dst": "dstport"}[end]
    return f"{host_filter(address_of(data[:16]), end)} && tcp.{port} == {int.from_bytes(data[16:], 'big')}"

"""Fields of the data of records, as tshark prints them."""

from __future__ import annotations

from base64 import b32hexencode
from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.engine.dns import registry as r
from pipeline.engine.dns.names import Fault, Names, spelled

Tell = Callable[[str, object], None]


class Reader:
    """Reads on from `at` to where the message ends, whatever `length` the record says that its data have."""

    __slots__ = ("at", "length", "names", "start")

    def __init__(self, names: Names, at: int, length: int) -> None:
        self.names = names
        self.start = self.at = at
        self.length = length

    @property
    def left(self) -> int:
        """Bytes of the data that were not read."""
        return self.start + self.length - self.at

    def number(self, size: int) -> int:
        """The next `size` bytes as a number. Raises Fault, as the others do, where the message ends before."""
        return int.from_bytes(self.bytes(size), "big")

    def bytes(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.at + size
        if size < 0 or end > len(self.names.data):
            raise Fault("data cut")
        found = self.names.data[self.at : end]
        self.at = end
        return found

    def name(self) -> str:
        """The name that stands here."""
        found = self.names.read(self.at)
        self.at = self.names.after
        return found


Data = Callable[[Tell, Reader, bool], None]
"""Tells the fields of data; the last says that it is mDNS. Raises Fault where tshark gives up."""


def _text(raw: bytes, encoding: str = "ascii") -> str:
    """A text up to its first NUL."""
    end = raw.find(0)
    return (raw if end < 0 else raw[:end]).decode(encoding, "replace")


def _named(field: str) -> Data:
    def data(tell: Tell, read: Reader, mdns: bool) -> None:
        tell(field, read.name())

    return data


def _a(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.a", read.number(4))


def _aaaa(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.aaaa", read.bytes(16))


def _soa(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.soa.mname", read.name())
    tell("dns.soa.rname", read.name())
    for field in ("serial_number", "refresh_interval", "retry_interval", "expire_limit", "minimum_ttl"):
        tell(f"dns.soa.{field}", read.number(4))


def _mx(tell: Tell, read: Reader, mdns: bool) -> None:
    preference = read.number(2)
    name = read.name()
    tell("dns.mx.preference", preference)
    tell("dns.mx.mail_exchange", name)


def _texts(field: str) -> Data:
    def data(tell: Tell, read: Reader, mdns: bool) -> None:
        # A text that is longer than the data are has no end for tshark but the message's.
        while read.left:
            size = read.number(1)
            tell(field + ".length", size)
            tell(field, _text(read.bytes(size), "utf-8" if mdns else "ascii"))

    return data


def _hinfo(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.hinfo.cpu", _text(read.bytes(read.number(1))))
    tell("dns.hinfo.os", _text(read.bytes(read.number(1))))


def _srv(tell: Tell, read: Reader, mdns: bool) -> None:
    for field in ("dns.srv.priority", "dns.srv.weight", "dns.srv.port"):
        tell(field, read.number(2))
    tell("dns.srv.target", read.name())


def _caa(tell: Tell, read: Reader, mdns: bool) -> None:
    flags = read.number(1)
    tell("dns.caa.flags", flags)
    tell("dns.caa.flags.issuer_critical", flags >> 7)
    size = read.number(1)
    tag = read.bytes(size)
    value = read.bytes(read.left)
    tell("dns.caa.tag_length", size)
    tell("dns.caa.tag", _text(tag))
    # Of a text with replacement characters, which are longer, tshark shows as many bytes as the value has.
    tell("dns.caa.value", spelled(value.decode("ascii", "replace").encode()[: len(value)]))


def _ds(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.ds.key_id", read.number(2))
    tell("dns.ds.algorithm", read.number(1))
    tell("dns.ds.digest_type", read.number(1))
    tell("dns.ds.digest", read.bytes(read.left))


def key_tag(data: bytes) -> int:
    """The tag of a key with its flags, protocol and algorithm before it (RFC 4034, appendix B)."""
    if data[3] == 1:
        return int.from_bytes(data[-3:-1], "big")
    whole = data + bytes(len(data) % 2)
    total = sum(memoryview(whole)[::2]) * 256 + sum(memoryview(whole)[1::2])
    return total + (total >> 16 & 0xFFFF) & 0xFFFF


def _dnskey(tell: Tell, read: Reader, mdns: bool) -> None:
    start = read.at
    flags = read.number(2)
    tell("dns.dnskey.flags", flags)
    tell("dns.dnskey.flags.zone_key", flags >> 8 & 1)
    tell("dns.dnskey.flags.key_revoked", flags >> 7 & 1)
    tell("dns.dnskey.flags.secure_entry_point", flags & 1)
    tell("dns.dnskey.protocol", read.number(1))
    tell("dns.dnskey.algorithm", read.number(1))
    key = read.bytes(read.left)
    tell("dns.dnskey.key_id", key_tag(read.names.data[start : read.at]))
    tell("dns.dnskey.public_key", key)


def _moment(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b} {moment.day:2d}, {moment:%Y %H:%M:%S}.000000000 UTC"


def _rrsig(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.rrsig.type_covered", read.number(2))
    tell("dns.rrsig.algorithm", read.number(1))
    tell("dns.rrsig.labels", read.number(1))
    tell("dns.rrsig.original_ttl", read.number(4))
    tell("dns.rrsig.signature_expiration", _moment(read.number(4)))
    tell("dns.rrsig.signature_inception", _moment(read.number(4)))
    tell("dns.rrsig.key_tag", read.number(2))
    tell("dns.rrsig.signers_name", read.name())
    tell("dns.rrsig.signature", read.bytes(read.left))


def _types(tell: Tell, read: Reader) -> None:
    # Blocks that are longer than the data are have no end for tshark but the message's.
    while read.left:
        first = read.number(1) << 8
        for at in range(first, first + 8 * read.number(1), 8):
            bits = read.number(1)
            while bits:
                high = bits.bit_length() - 1
                tell("dns.resp.type", at + 7 - high)
                bits ^= 1 << high


def _nsec(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.nsec.next_domain_name", read.name())
    _types(tell, read)


def _nsec3_head(tell: Tell, read: Reader) -> None:
    tell("dns.nsec3.algo", read.number(1))
    flags = read.number(1)
    tell("dns.nsec3.flags", flags)
    tell("dns.nsec3.flags.opt_out", flags & 1)
    tell("dns.nsec3.iterations", read.number(2))
    size = read.number(1)
    tell("dns.nsec3.salt_length", size)
    tell("dns.nsec3.salt_value", read.bytes(size))


def _nsec3(tell: Tell, read: Reader, mdns: bool) -> None:
    _nsec3_head(tell, read)
    size = read.number(1)
    tell("dns.nsec3.hash_length", size)
    tell("dns.nsec3.hash_value", b32hexencode(read.bytes(size)).decode().rstrip("=").lower())
    _types(tell, read)


def _nsec3param(tell: Tell, read: Reader, mdns: bool) -> None:
    _nsec3_head(tell, read)


def _svcb(tell: Tell, read: Reader, mdns: bool) -> None:
    tell("dns.svcb.svcpriority", read.number(2))
    tell("dns.svcb.targetname", read.name())
    while read.left > 0:
        key = read.number(2)
        tell("dns.svcb.svcparam.key", key)
        size = read.number(2)
        tell("dns.svcb.svcparam.value.length", size)
        end = read.at + size
        if key == 1:
            while read.at < end:
                tell("dns.svcb.svcparam.alpn", _text(read.bytes(read.number(1))))
        elif key == 3:
            tell("dns.svcb.svcparam.port", read.number(2))
        elif key == 4:
            for _ in range(size // 4):
                tell("dns.svcb.svcparam.ipv4hint.ip", read.number(4))
        elif key == 6:
            for _ in range(size // 16):
                tell("dns.svcb.svcparam.ipv6hint.ip", read.bytes(16))
        if key != 3:
            # Behind a port tshark goes on at once, whatever length it was given.
            read.bytes(max(0, end - read.at))


def _a6(tell: Tell, read: Reader, mdns: bool) -> None:
    """Of this type nothing is told, but its data may not be followed."""
    prefix = read.number(1)
    read.bytes(16 - prefix // 8)
    if prefix:
        read.name()


def _opt(tell: Tell, read: Reader, mdns: bool) -> None:
    while read.left > 0:
        code = read.number(2)
        tell("dns.opt.code", code)
        size = read.number(2)
        tell("dns.opt.len", size)
        value = read.bytes(size)
        tell("dns.opt.data", value)
        if code == 8 and size >= 4:
            family = int.from_bytes(value[:2], "big")
            tell("dns.opt.client.family", family)
            tell("dns.opt.client.netmask", value[2])
            tell("dns.opt.client.scope", value[3])
            if family == 1:
                tell("dns.opt.client.addr4", int.from_bytes(value[4:8].ljust(4, b"\0"), "big"))
            elif family == 2:
                tell("dns.opt.client.addr6", value[4:20].ljust(16, b"\0"))
        elif code == 10:
            tell("dns.opt.cookie.client", value[:8])
            if size > 8:
                tell("dns.opt.cookie.server", value[8:])
        elif code == 11 and size == 2:
            tell("dns.opt.edns_tcp_keepalive.timeout", int.from_bytes(value, "big"))
        elif code == 12:
            tell("dns.opt.padding", value)
        elif code == 15 and size >= 2:
            tell("dns.opt.ext_error.info_code", int.from_bytes(value[:2], "big"))
            tell("dns.opt.ext_error.extra_text", _text(value[2:], "utf-8"))


DATA: dict[int, Data] = {
    r.A: _a, r.AAAA: _aaaa, r.NS: _named("dns.ns"), r.CNAME: _named("dns.cname"), r.DNAME: _named("dns.dname"),
    r.PTR: _named("dns.ptr.domain_name"), r.SOA: _soa, r.MX: _mx, r.TXT: _texts("dns.txt"), r.SPF: _texts("dns.spf"),
    r.HINFO: _hinfo, r.SRV: _srv, r.CAA: _caa, r.DS: _ds, r.CDS: _ds, r.DLV: _ds, r.DNSKEY: _dnskey,
    r.CDNSKEY: _dnskey, r.RRSIG: _rrsig, r.NSEC: _nsec, r.NSEC3: _nsec3, r.NSEC3PARAM: _nsec3param, r.SVCB: _svcb,
    r.HTTPS: _svcb, r.OPT: _opt, r.A6: _a6,
}  # fmt: skip

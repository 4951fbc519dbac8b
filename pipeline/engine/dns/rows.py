"""What rows of the record `dns` say of a message."""

from __future__ import annotations

from socket import AF_INET6, inet_ntop
from typing import Any

import cython

from pipeline.engine.dns import registry as r
from pipeline.engine.dns.data import data_text
from pipeline.engine.dns.message import ANSWER, RESPONSE, SECTIONS, Message, Record
from pipeline.engine.dns.names import Names

MOST_ALIASES = 16
"""CNAMEs that are followed from a name."""

_IPV4, _IPV6 = 1, 2
_TYPES, _RCODES = r.TYPES, r.RCODES
_OPT = cython.declare(cython.Py_ssize_t, r.OPT)
_ANSWER = cython.declare(cython.Py_ssize_t, ANSWER)


def put_question(row: dict[str, Any], found: Message, mask: int) -> None:
    """What was asked; `mask` takes from classes what is none of theirs."""
    questions = found.questions
    if not questions:
        return
    name, kind, klass = questions[0]
    row["dns.qry.name"] = name
    row["dns.qry.type"] = kind
    row["shoal.dns.qry_type"] = _TYPES.get(kind) or r.type_name(kind)
    row["dns.qry.class"] = klass & mask
    if len(questions) == 1:
        row["dns_question.name"], row["dns_question.type"] = [name], [kind]
        row["dns_question.class"] = [klass & mask]
    else:
        row["dns_question.name"] = [name for name, _, _ in questions]
        row["dns_question.type"] = [kind for _, kind, _ in questions]
        row["dns_question.class"] = [klass & mask for _, _, klass in questions]


def put_message(row: dict[str, Any], found: Message, size: int, mask: int) -> None:
    """What a query, or a response, of `size` bytes says besides its question."""
    flags = found.flags
    row["dns.flags"] = flags
    if len(found.counts) == 4:
        (row["dns.count.queries"], row["dns.count.answers"], row["dns.count.auth_rr"],
         row["dns.count.add_rr"]) = found.counts
    rcode = flags & 15
    if found.records:
        edns = _put_records(row, found, mask)
        if edns is not None:
            rcode |= _put_edns(row, found.names, edns, response=flags & RESPONSE != 0)
    if flags & RESPONSE:
        row["shoal.response_bytes"] = size
        row["dns.flags.rcode"] = flags & 15
        row["shoal.dns.rcode"] = _RCODES.get(rcode) or r.rcode_name(rcode)
    else:
        row["shoal.request_bytes"] = size
        row["shoal.dns.query_flags"] = flags
    # Last, for reading data may find out.
    odd = found.fault or found.names.odd
    if odd:
        row["shoal.dns.fault"] = odd


def _put_records(row: dict[str, Any], found: Message, mask: int) -> Record | None:
    """The records, and what of them answers; gives the OPT record, which is none of these."""
    names, edns = found.names, None
    sections: list[str] = []
    owners: list[str] = []
    kinds: list[int] = []
    kind_names: list[str] = []
    classes: list[int] = []
    ttls: list[int] = []
    data: list[str] = []
    answers: cython.Py_ssize_t = 0
    section: cython.Py_ssize_t
    kind: cython.Py_ssize_t
    for record in found.records:
        section, owner, kind, klass, ttl, at, length = record
        if kind == _OPT:
            edns = edns or record
            continue
        if section == _ANSWER:
            answers += 1
        sections.append(SECTIONS[section])
        owners.append(owner)
        kinds.append(kind)
        kind_names.append(_TYPES.get(kind) or r.type_name(kind))
        classes.append(klass & mask)
        ttls.append(ttl)
        data.append(data_text(names, kind, at, length))
    if not kinds:
        return edns
    row["dns_record.section"], row["dns_record.name"], row["dns_record.type"] = sections, owners, kinds
    row["dns_record.type_name"], row["dns_record.class"], row["dns_record.ttl"] = kind_names, classes, ttls
    row["dns_record.data"] = data
    if answers and found.flags & RESPONSE:
        _put_answer(row, found, owners[:answers], kinds[:answers], data[:answers])
    return edns


def _put_answer(row: dict[str, Any], found: Message, owners: list[str], kinds: list[int], data: list[str]) -> None:
    """From the name asked for along CNAMEs to what is asked for."""
    if not found.questions:
        row["dns_answer.data"] = data
        return
    name, wanted, _ = found.questions[0]
    if wanted not in (r.CNAME, r.ANY) and r.CNAME in kinds:
        aliases = {owner.lower(): to for owner, kind, to in zip(owners, kinds, data, strict=True) if kind == r.CNAME}
        chain: list[str] = []
        end = name.lower()
        while end in aliases and len(chain) < MOST_ALIASES:
            to = aliases.pop(end)
            chain.append(to)
            end = to.lower()
        row["dns_chain.name"] = chain
    else:
        end = name.lower()
    answer: list[str] = []
    for k in range(len(kinds)):
        if kinds[k] in (wanted, r.DNAME) or wanted == r.ANY:
            owner = owners[k]
            if owner == end or owner == name or owner.lower() == end:
                answer.append(data[k])
    row["dns_answer.data"] = answer


def _put_edns(row: dict[str, Any], names: Names, record: Record, *, response: bool) -> int:
    """What an OPT record says (RFC 6891, section 6.1); gives the higher bits of the response code in their place."""
    _, _, _, payload, flags, at, length = record
    if response:
        row["shoal.dns.response_payload_size"] = payload
        if "dns.rr.udp_payload_size" not in row:
            row["dns.resp.edns0_version"] = flags >> 16 & 255
    else:
        row["dns.rr.udp_payload_size"] = payload
        row["dns.resp.edns0_version"] = flags >> 16 & 255
        row["dns.resp.z.do"] = flags >> 15 & 1
    data, end = names.data, min(at + length, len(names.data))
    while at + 4 <= end:
        code = data[at] << 8 | data[at + 1]
        after = at + 4 + (data[at + 2] << 8 | data[at + 3])
        if after > end:
            break
        value = data[at + 4 : after]
        if code == 8 and len(value) >= 4:
            row["shoal.dns.client_subnet"] = _subnet(value)
        elif code == 15 and len(value) >= 2:
            row["dns.opt.ext_error.info_code"] = value[0] << 8 | value[1]
            row["dns.opt.ext_error.extra_text"] = value[2:].decode("utf-8", "replace")
        at = after
    return flags >> 24 << 4


def _subnet(value: bytes) -> str:
    """A client subnet (RFC 7871, section 6)."""
    family = value[0] << 8 | value[1]
    if family == _IPV4:
        address = ".".join(map(str, value[4:8].ljust(4, b"\0")))
    elif family == _IPV6:
        address = inet_ntop(AF_INET6, value[4:20].ljust(16, b"\0"))
    else:
        address = value[4:].hex()
    return f"{address}/{value[2]}/{value[3]}"

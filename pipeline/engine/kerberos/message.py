"""A Kerberos message, as far as it is in clear (RFC 4120 section 5)."""

from __future__ import annotations

import cython

from pipeline.engine.ber import INTEGER, SEQUENCE, Element, element, elements, integer

AS_REQ, AS_REP, TGS_REQ, TGS_REP, AP_REQ, AP_REP, ERROR = 10, 11, 12, 13, 14, 15, 30
KINDS = {AS_REQ: "AS-REQ", AS_REP: "AS-REP", TGS_REQ: "TGS-REQ", TGS_REP: "TGS-REP", AP_REQ: "AP-REQ",
         AP_REP: "AP-REP", 20: "KRB-SAFE", 21: "KRB-PRIV", 22: "KRB-CRED", ERROR: "KRB-ERROR"}
"""Messages by the number of their tag."""

ERRORS = {
    0: "KDC_ERR_NONE", 1: "KDC_ERR_NAME_EXP", 2: "KDC_ERR_SERVICE_EXP", 3: "KDC_ERR_BAD_PVNO",
    4: "KDC_ERR_C_OLD_MAST_KVNO", 5: "KDC_ERR_S_OLD_MAST_KVNO", 6: "KDC_ERR_C_PRINCIPAL_UNKNOWN",
    7: "KDC_ERR_S_PRINCIPAL_UNKNOWN", 8: "KDC_ERR_PRINCIPAL_NOT_UNIQUE", 9: "KDC_ERR_NULL_KEY",
    10: "KDC_ERR_CANNOT_POSTDATE", 11: "KDC_ERR_NEVER_VALID", 12: "KDC_ERR_POLICY", 13: "KDC_ERR_BADOPTION",
    14: "KDC_ERR_ETYPE_NOSUPP", 15: "KDC_ERR_SUMTYPE_NOSUPP", 16: "KDC_ERR_PADATA_TYPE_NOSUPP",
    17: "KDC_ERR_TRTYPE_NOSUPP", 18: "KDC_ERR_CLIENT_REVOKED", 19: "KDC_ERR_SERVICE_REVOKED", 20: "KDC_ERR_TGT_REVOKED",
    21: "KDC_ERR_CLIENT_NOTYET", 22: "KDC_ERR_SERVICE_NOTYET", 23: "KDC_ERR_KEY_EXPIRED", 24: "KDC_ERR_PREAUTH_FAILED",
    25: "KDC_ERR_PREAUTH_REQUIRED", 26: "KDC_ERR_SERVER_NOMATCH", 27: "KDC_ERR_MUST_USE_USER2USER",
    28: "KDC_ERR_PATH_NOT_ACCEPTED", 29: "KDC_ERR_SVC_UNAVAILABLE", 31: "KRB_AP_ERR_BAD_INTEGRITY",
    32: "KRB_AP_ERR_TKT_EXPIRED", 33: "KRB_AP_ERR_TKT_NYV", 34: "KRB_AP_ERR_REPEAT", 35: "KRB_AP_ERR_NOT_US",
    36: "KRB_AP_ERR_BADMATCH", 37: "KRB_AP_ERR_SKEW", 38: "KRB_AP_ERR_BADADDR", 39: "KRB_AP_ERR_BADVERSION",
    40: "KRB_AP_ERR_MSG_TYPE", 41: "KRB_AP_ERR_MODIFIED", 42: "KRB_AP_ERR_BADORDER", 44: "KRB_AP_ERR_BADKEYVER",
    45: "KRB_AP_ERR_NOKEY", 46: "KRB_AP_ERR_MUT_FAIL", 47: "KRB_AP_ERR_BADDIRECTION", 48: "KRB_AP_ERR_METHOD",
    49: "KRB_AP_ERR_BADSEQ", 50: "KRB_AP_ERR_INAPP_CKSUM", 51: "KRB_AP_PATH_NOT_ACCEPTED",
    52: "KRB_ERR_RESPONSE_TOO_BIG", 60: "KRB_ERR_GENERIC", 61: "KRB_ERR_FIELD_TOOLONG", 68: "KDC_ERR_WRONG_REALM",
}  # fmt: skip
"""Error codes (RFC 4120 section 7.5.9)."""

MOST_NAMES = 8
"""Parts of a name that are read."""
MOST_TEXT = 256
"""Bytes of a part of a name, or of a realm."""
_MOST = 64

_STRINGS = (0x1B, 0x0C, 0x16, 0x13)
_PA_TGS_REQ = 1
_PA_ENC_TIMESTAMP = 2
_PA_PROOFS = (_PA_ENC_TIMESTAMP, 14, 16, 138, 151)
"""What proves who asks: an encrypted timestamp, a signature (PKINIT), an encrypted challenge (FAST), SPAKE."""

Names = list[tuple[str, object]]
"""Fields as Wireshark has them, in the order in which they stand."""


class Message:
    """`shown` are its fields; the others are of the message itself, not of what it carries; numbers that are not there
    are None."""

    __slots__ = ("cname", "error", "etype", "etypes", "kind", "nonce", "preauth", "realm", "shown", "sname",
                 "ticket_etype")

    def __init__(self, kind: cython.int) -> None:
        self.kind = kind
        self.shown: Names = []
        self.realm = ""
        self.cname = ""
        self.sname = ""
        self.error: int | None = None
        self.nonce: int | None = None
        self.etypes: list[int] = []
        self.etype: int | None = None
        self.ticket_etype: int | None = None
        self.preauth = False


def read_message(data: bytes, at: cython.Py_ssize_t = 0) -> Message | None:
    """The message that begins at `at`; None where it is none."""
    whole = element(data, at, len(data))
    kind: cython.int = whole.tag - 0x60
    if kind not in KINDS:
        return None
    found = Message(kind)
    parts = _parts(data, element(data, whole.at, whole.end))
    if parts is None:
        return None
    if kind == AS_REQ or kind == TGS_REQ:
        _request(data, parts, found)
    elif kind == AS_REP or kind == TGS_REP:
        _reply(data, parts, found)
    elif kind == ERROR:
        _error(data, parts, found)
    else:
        _numbers(data, parts, found.shown, 0)
        if kind == AP_REQ and 3 in parts:
            _ticket(data, parts[3], found.shown)
    return found


@cython.cfunc
def _parts(data: bytes, of: Element) -> dict[int, Element] | None:
    """What a SEQUENCE has under its tags [0], [1] and so on; None where it is none."""
    if of.tag != SEQUENCE:
        return None
    found: dict[int, Element] = {}
    one: Element
    tag: cython.int
    for one in elements(data, of.at, of.end, _MOST):
        tag = one.tag
        if tag & 0xE0 == 0xA0 and tag & 0x1F not in found:
            found[tag & 0x1F] = element(data, one.at, one.end)
    return found


def _number(data: bytes, of: Element | None) -> int | None:
    return None if of is None or of.tag != INTEGER else integer(data, of)


@cython.cfunc
def _numbers(data: bytes, parts: dict[int, Element], shown: Names, first: cython.int) -> None:
    """Version and type of a message, under `first` and the tag behind it."""
    for name, told in (("kerberos.pvno", _number(data, parts.get(first))),
                       ("kerberos.msg_type", _number(data, parts.get(first + 1)))):  # fmt: skip
        if told is not None:
            shown.append((name, told))


def _text(data: bytes, of: Element | None) -> str | None:
    if of is None or of.tag not in _STRINGS:
        return None
    return data[of.at : min(of.end, of.at + MOST_TEXT)].decode("utf-8", "replace")


def _name(data: bytes, of: Element | None) -> list[str]:
    """The parts of a PrincipalName."""
    parts = _parts(data, of) if of is not None else None
    strings: Element | None = parts.get(1) if parts is not None else None
    if strings is None or strings.tag != SEQUENCE:
        return []
    found = []
    for one in elements(data, strings.at, strings.end, MOST_NAMES):
        part = _text(data, one)
        if part is not None:
            found.append(part)
    return found


@cython.cfunc
def _put(data: bytes, parts: dict[int, Element], found: Message, realm: cython.int, cname: cython.int,
         sname: cython.int, crealm: cython.int) -> None:  # fmt: skip
    """Realms and names under these tags, in their order."""
    tag: cython.int
    for tag in range(32):
        if (tag != realm and tag != cname and tag != sname and tag != crealm) or tag not in parts:
            continue
        if tag == realm or tag == crealm:
            text = _text(data, parts[tag])
            if text is not None:
                found.shown.append(("kerberos.realm" if tag == realm else "kerberos.crealm", text))
                if tag == realm or not found.realm:
                    found.realm = text
        else:
            names = _name(data, parts[tag])
            field_name = "kerberos.CNameString" if tag == cname else "kerberos.SNameString"
            found.shown += [(field_name, name) for name in names]
            if tag == cname:
                found.cname = "/".join(names)
            else:
                found.sname = "/".join(names)


def _ticket(data: bytes, of: Element, shown: Names) -> int | None:
    """Tell a ticket; the cipher it is encrypted with."""
    parts = _parts(data, element(data, of.at, of.end)) if of.tag == 0x61 else None
    if not parts:
        return None
    realm = _text(data, parts.get(1))
    if realm is not None:
        shown.append(("kerberos.realm", realm))
    shown += [("kerberos.SNameString", name) for name in _name(data, parts.get(2))]
    return _etype(data, parts.get(3))


def _etype(data: bytes, of: Element | None) -> int | None:
    """The cipher of EncryptedData."""
    parts = _parts(data, of) if of is not None else None
    return _number(data, parts.get(0)) if parts else None


@cython.cfunc
def _request(data: bytes, parts: dict[int, Element], found: Message) -> None:
    _numbers(data, parts, found.shown, 1)
    proofs: Element | None = parts.get(3)
    if proofs is not None and proofs.tag == SEQUENCE:
        for of in elements(data, proofs.at, proofs.end, _MOST):
            padata = _parts(data, of)
            if not padata or 1 not in padata or 2 not in padata:
                continue
            kind = integer(data, padata[1])
            found.preauth = found.preauth or kind in _PA_PROOFS
            if kind == _PA_TGS_REQ:
                _authority(data, padata[2], found)
    body = _parts(data, parts[4]) if 4 in parts else None
    if not body:
        return
    _put(data, body, found, 2, 1, 3, -1)
    nonce = _number(data, body.get(7))
    if nonce is not None:
        found.nonce = nonce & 0xFFFFFFFF
        found.shown.append(("kerberos.nonce", found.nonce))
    offered: Element | None = body.get(8)
    if offered is not None and offered.tag == SEQUENCE:
        found.etypes = [integer(data, one) for one in elements(data, offered.at, offered.end, 32)]


@cython.cfunc
def _authority(data: bytes, of: Element, found: Message) -> None:
    """The AP-REQ that a TGS-REQ carries: the ticket by which it is asked."""
    request = element(data, of.at, of.end)
    parts = _parts(data, element(data, request.at, request.end)) if request.tag == 0x60 + AP_REQ else None
    if parts:
        _numbers(data, parts, found.shown, 0)
        if 3 in parts:
            _ticket(data, parts[3], found.shown)


@cython.cfunc
def _reply(data: bytes, parts: dict[int, Element], found: Message) -> None:
    _numbers(data, parts, found.shown, 0)
    _put(data, parts, found, -1, 4, -1, 3)
    if 5 in parts:
        before = len(found.shown)
        found.ticket_etype = _ticket(data, parts[5], found.shown)
        found.sname = "/".join([str(v) for name, v in found.shown[before:] if name == "kerberos.SNameString"])
    found.etype = _etype(data, parts.get(6))


@cython.cfunc
def _error(data: bytes, parts: dict[int, Element], found: Message) -> None:
    _numbers(data, parts, found.shown, 0)
    found.error = _number(data, parts.get(6))
    if found.error is not None:
        found.shown.append(("kerberos.error_code", found.error))
    _put(data, parts, found, 9, 8, 10, 7)

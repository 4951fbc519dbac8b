"""Names of what Windows speaks over TCP: NetBIOS sessions, SMB, and the interfaces of DCE's remote calls in it."""

from __future__ import annotations

import cython

from pipeline.engine.names.look import Look

INTERFACES: dict[str, str] = {
    "12345778-1234-abcd-ef00-0123456789ac": "SAMR", "12345778-1234-abcd-ef00-0123456789ab": "LSARPC",
    "12345678-1234-abcd-ef00-01234567cffb": "RPC_NETLOGON", "367abb81-9844-35f1-ad32-98f038001003": "SVCCTL",
    "4b324fc8-1670-01d3-1278-5a47bf6ee188": "SRVSVC", "6bffd098-a112-3610-9833-46c3f87e345a": "WKSSVC",
    "338cd001-2244-31f1-aaaa-900038001003": "WINREG", "e1af8308-5d1f-11c9-91a4-08002b14a0fa": "EPM",
    "99fcfec4-5260-101b-bbcb-00aa0021347a": "IOXIDResolver", "000001a0-0000-0000-c000-000000000046": "ISystemActivator",
    "00000143-0000-0000-c000-000000000046": "IRemUnknown2", "00000131-0000-0000-c000-000000000046": "IRemUnknown",
    "00020401-0000-0000-c000-000000000046": "ITypeInfo", "00020400-0000-0000-c000-000000000046": "IDispatch",
    "b196b283-bab4-101a-b69c-00aa00341d07": "IProvideClassInfo", "e3514235-4b06-11d1-ab04-00c04fc2dcd2": "DRSUAPI",
    "12345678-1234-abcd-ef00-0123456789ab": "SPOOLSS", "76f03f96-cdfd-44fc-a22c-64950a001209": "IREMOTEWINSPOOL",
    "1ff70682-0a51-30e8-076d-740be8cee98b": "ATSVC", "86d35949-83c9-4044-b424-db363231fd0c": "TASKSCHEDULERSERVICE",
    "3919286a-b10c-11d0-9ba8-00c04fd92ef5": "DSSETUP", "f5cc5a18-4264-101a-8c59-08002b2f8426": "NSPI",
    "a4f1db00-ca47-1067-b31f-00dd010662da": "MAPI", "1544f5e0-613c-11d1-93df-00c04fd7bd09": "RFR",
    "5261574a-4572-206e-b268-6b199213b4e4": "ASYNCEMSMDB", "82273fdc-e32a-18c3-3f78-827929dc23ea": "EVENTLOG",
    "17fdd703-1827-4e34-79d4-24a55c53bb37": "MESSENGER", "5a7b91f8-ff00-11d0-a9b2-00c04fb6e6fc": "MESSENGER",
    "4fc742e0-4a10-11cf-8273-00aa004ae673": "NETDFS", "c9378ff1-16f7-11d0-a0b2-00aa0061426a": "pasmtd",
    "c8cb7687-e6d3-11d2-a958-00c04f682e16": "DAV RPC SERVICE", "c681d488-d850-11d0-8c52-00c04fd90f7e": "EFS",
    "00000136-0000-0000-c000-000000000046": "ISCMLocalActivator", "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57": "IActivation",
    "afa8bd80-7d8a-11c9-bef4-08002b102989": "MGMT", "8d9f4e40-a03d-11ce-8f69-08003e30051b": "PNP",
    "d049b186-814f-11d1-9a3c-00c04fc9b232": "FRSAPI", "f5cc59b4-4264-101a-8c59-08002b2f8426": "FRSRPC",
    "894de0c0-0d55-11d3-a322-00c04fa321a1": "INITSHUTDOWN", "2f5f6520-ca46-1067-b319-00dd010662da": "TAPI",
    "45f52c28-7f9f-101a-b52b-08002b2efabe": "WINS", "50abc2a4-574d-40b3-9d66-ee4fd5fba076": "DNSSERVER",
    "6bffd098-a112-3610-9833-012892020162": "BROWSER", "d6d70ef0-0e3b-11cb-acc3-08002b1d29c4": "NSI",
    "77df7a80-f298-11d0-8358-00a024c480a8": "DSKQUOTA",
}  # fmt: skip
"""Interfaces of DCE's remote procedure calls by their identifiers."""
_BY_BYTES = {bytes.fromhex(k[6:8] + k[4:6] + k[2:4] + k[:2] + k[11:13] + k[9:11] + k[16:18] + k[14:16]
                           + k[19:23] + k[24:]): name for k, name in INTERFACES.items()}  # fmt: skip
_SESSION_KINDS = (0x00, 0x81, 0x82, 0x83, 0x84, 0x85)
WINDOWS_NAMES = ("NBSS", "SMB", "SMB2", "DCERPC", "SMB Pipe", "LANMAN", *dict.fromkeys(INTERFACES.values()))


def session_length(data: bytes, at: cython.Py_ssize_t) -> int:
    """RFC 1002, section 4.3.1; over port 445 the length has 24 bits."""
    if len(data) - at < 4:
        return 0
    if data[at] not in _SESSION_KINDS:
        return -1
    return 4 + (data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3])


def session(data: bytes, at: int, look: Look) -> str:
    """What a session's message carries."""
    magic = data[at + 4 : at + 8]
    if magic == b"\xffSMB":
        return smb(data, at + 4, look)
    if magic == b"\xfeSMB":
        return smb2(data, at + 4, look)
    return "SMB2" if magic in (b"\xfdSMB", b"\xfcSMB") else "NBSS"


def smb2(data: bytes, at: int, look: Look) -> str:
    """MS-SMB2: of a write, a read's answer and a pipe's transaction, what they carry."""
    name = "SMB2"
    for _ in range(16):
        if len(data) < at + 64:
            break
        command, following = data[at + 12], int.from_bytes(data[at + 20 : at + 24], "little")
        answer = data[at + 16] & 1
        status = int.from_bytes(data[at + 8 : at + 12], "little") if answer else 0
        body = at + 64
        inner = b""
        if command == 9 and not answer:
            start = at + int.from_bytes(data[body + 2 : body + 4], "little")
            inner = data[start : start + int.from_bytes(data[body + 4 : body + 8], "little")]
        elif command == 8 and answer and status in (0, 0x80000005):
            start = at + (data[body + 2] if len(data) > body + 2 else 0)
            inner = data[start : start + int.from_bytes(data[body + 4 : body + 8], "little")]
        elif command == 11 and data[body + 4 : body + 8] == b"\x17\xc0\x11\0":
            start = at + int.from_bytes(data[body + (32 if answer else 24) :][:4], "little")
            size = int.from_bytes(data[body + (36 if answer else 28) :][:4], "little")
            inner = data[start : start + size]
        name = _in_pipe(inner, look) or "SMB2"
        if following == 0:
            break
        at += following
    return name


def smb(data: bytes, at: int, look: Look) -> str:
    """MS-CIFS: of a transaction, a write and a read, what they carry."""
    if len(data) < at + 33:
        return "SMB"
    command, answer, words = data[at + 4], data[at + 9] & 0x80, data[at + 32]
    if command == 0x25:
        if answer:
            if words < 10:
                return "SMB"
            size, start = _le(data, at + 33 + 12), _le(data, at + 33 + 14)
        else:
            if words < 14:
                return "SMB"
            size, start = _le(data, at + 33 + 22), _le(data, at + 33 + 24)
            name = data[at + 35 + 2 * words :][:64].replace(b"\0", b"").upper()
            look.memo["trans"] = "LANMAN" if b"\\PIPE\\LANMAN" in name else ""
        if look.memo.get("trans") == "LANMAN":
            return "LANMAN"
        told = _in_pipe(data[at + start : at + start + size], look)
        return told or ("SMB Pipe" if not answer and size == 0 else "SMB")
    if command == 0x2F and not answer and words >= 12:
        size, start = _le(data, at + 33 + 20), _le(data, at + 33 + 22)
        return _in_pipe(data[at + start : at + start + size], look) or "SMB"
    if command == 0x2E and answer and words >= 12:
        size, start = _le(data, at + 33 + 10), _le(data, at + 33 + 12)
        return _in_pipe(data[at + start : at + start + size], look) or "SMB"
    return "SMB"


def _le(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _in_pipe(data: bytes, look: Look) -> str:
    return call(data, 0, look) if len(data) >= 16 and data[:2] == b"\5\0" and data[2] <= 19 else ""


def call_length(data: bytes, at: cython.Py_ssize_t) -> int:
    """C706, section 12.6.3.1: version 5.0, a kind, a data representation, and the fragment's length."""
    left: cython.Py_ssize_t = len(data) - at
    found: cython.int
    if (left > 0 and data[at] != 5) or (left > 1 and data[at + 1]) or (left > 2 and data[at + 2] > 20):
        return -1
    if left < 16:
        return 0
    if data[at + 4] & 0xEE or data[at + 5] > 3:
        return -1
    found = data[at + 9] << 8 | data[at + 8] if data[at + 4] & 0x10 else data[at + 8] << 8 | data[at + 9]
    return found if found >= 16 else -1


def call_heard(data: bytes, look: Look) -> str:
    """Whether a conversation is one of remote calls, of which the first is whole in its header."""
    return "DCERPC" if len(data) >= 16 and data[1] == 0 and call_length(data, 0) > 0 else ""


def call(data: bytes, at: int, look: Look) -> str:
    """The interface that a request, its answer or its fault is of; a bind tells which context is which."""
    kind, flags = data[at + 2], data[at + 3]
    little = data[at + 4] & 0x10
    if kind in (11, 14):
        count = data[at + 24] if len(data) > at + 24 else 0
        item = at + 28
        for _ in range(min(count, 16)):
            interface = data[item + 4 : item + 20]
            if len(interface) < 16:
                break
            if not little:
                interface = interface[3::-1] + interface[5:3:-1] + interface[7:5:-1] + interface[8:]
            context = int.from_bytes(data[item : item + 2], "little" if little else "big")
            look.note("contexts", context, _BY_BYTES.get(interface, "DCERPC"))
            item += 24 + 20 * data[item + 2]
        return "DCERPC"
    if kind in (0, 2):
        context = int.from_bytes(data[at + 20 : at + 22], "little" if little else "big")
        number = int.from_bytes(data[at + 12 : at + 16], "little" if little else "big")
        if kind == 0:
            look.note("calls", number, context)
        if flags & 3 != 3:
            return "DCERPC"
        return str(look.noted("contexts", context) or "DCERPC")
    return "DCERPC"

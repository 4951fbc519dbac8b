"""What a statement answers: its pieces, how they are dressed for the way, and what the headers say of them."""

from __future__ import annotations

import json
import secrets
import string
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from pipeline.serve.blocks import BlockWriter
from pipeline.serve.compression import Encoder, accepted, encoder
from pipeline.serve.native import RevisionWriter
from pipeline.serve.request import Asked

PLAIN = "text/plain; charset=UTF-8"
_JSON = "application/json; charset=UTF-8"
_TABBED = "text/tab-separated-values; charset=UTF-8"
# A format's name to its media type; others are plain text or bytes.
_MEDIA: dict[str, str] = {
    "JSON": _JSON, "JSONStrings": _JSON, "JSONCompact": _JSON, "JSONCompactStrings": _JSON, "JSONColumns": _JSON,
    "JSONColumnsWithMetadata": _JSON,
    "JSONEachRow": "application/x-ndjson; charset=UTF-8", "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent", "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": _TABBED, "TabSeparatedWithNames": _TABBED, "TabSeparatedWithNamesAndTypes": _TABBED,
    "TSV": _TABBED, "TSVWithNames": _TABBED, "TSVWithNamesAndTypes": _TABBED, "XML": "application/xml; charset=UTF-8",
    **dict.fromkeys(("Native", "RowBinary", "Arrow", "ArrowStream", "Parquet", "ORC", "Avro"),
                    "application/octet-stream"),
}
_LETTERS = string.ascii_lowercase
_IN_MEMORY = 32 << 20


def media_type(fmt: str) -> str:
    """The `Content-Type` of an answer in format `fmt`."""
    return _MEDIA.get(fmt, PLAIN)


def new_tag() -> str:
    """Sixteen letters that mark an error amid an answer."""
    return "".join(secrets.choice(_LETTERS) for _ in range(16))


class Dress:
    """The encoders through which an answer goes, and the headers that tell of them."""

    def __init__(self, asked: Asked, headers: Mapping[str, str], fmt: str) -> None:
        """Raises StoreError where a way of compression isn't known."""
        self.headers: dict[str, str] = {}
        self._native: RevisionWriter | None = None
        self._packed: list[Encoder] = []
        if fmt == "Native":
            self._native = RevisionWriter(asked.number("client_protocol_version", 0))
        if asked.flag("compress"):
            self._packed.append(BlockWriter(asked.own.get("network_compression_method", "LZ4").upper()))
        elif asked.flag("enable_http_compression") and (method := accepted(headers.get("Accept-Encoding", ""))):
            self._packed.append(encoder(method))
            self.headers["Content-Encoding"] = method

    def encode(self, data: bytes, *, error: bool = False) -> bytes:
        """What is sent of a piece; `error` for the text of an error amid the answer."""
        if self._native is not None and not error:
            data = self._native.encode(data)
        for packed in self._packed:
            data = packed.encode(data) if data else b""
        return data

    def next(self, pieces: Iterator[bytes]) -> bytes | None:
        """What is sent of the next piece, b"" where it waits for more; None after the last. Raises StoreError."""
        piece = next(pieces, None)
        return None if piece is None else self.encode(piece)

    def end(self) -> bytes:
        """What is sent at the end."""
        return b"".join(packed.end() for packed in self._packed)


class Held:
    """An answer that is held back until it is whole, in memory or, where it is large, in a file without name."""

    def __init__(self, pieces: Iterator[bytes], dress: Dress) -> None:
        """Takes all of an answer. Raises StoreError."""
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        try:
            while (piece := dress.next(pieces)) is not None:
                self._file.write(piece)
        except BaseException:
            self._file.close()
            raise
        self._file.write(dress.end())
        self.size = self._file.tell()
        self._file.seek(0)

    def read(self) -> bytes:
        """The next MiB, b"" at the end."""
        return self._file.read(1 << 20)

    def close(self) -> None:
        """Gives the memory or the file back."""
        self._file.close()


def summary(*, read_rows: int = 0, read_bytes: int = 0, written_rows: int = 0, written_bytes: int = 0,
            result_rows: int = 0, result_bytes: int = 0, elapsed_ns: int = 0) -> str:
    """`X-ClickHouse-Summary`: numbers in quotes, as ClickHouse has them."""
    said = {
        "read_rows": read_rows, "read_bytes": read_bytes, "written_rows": written_rows, "written_bytes": written_bytes,
        "total_rows_to_read": read_rows, "result_rows": result_rows, "result_bytes": result_bytes,
        "elapsed_ns": elapsed_ns,
    }
    return json.dumps({name: str(value) for name, value in said.items()}, separators=(",", ":"))

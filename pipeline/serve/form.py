"""A body of `multipart/form-data`: a statement, parameters, and tables that come with it.

https://clickhouse.com/docs/engines/table-engines/special/external-data; clickhouse-connect sends long parameters so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from pipeline.schema.ddl import quote
from pipeline.serve.errors import BAD_ARGUMENTS, refused
from pipeline.serve.request import Asked


@dataclass(frozen=True, slots=True)
class External:
    """A temporary table's columns as in CREATE TABLE, and its data."""

    name: str
    columns: str
    format: str
    data: bytes

    @property
    def quoted(self) -> str:
        """The name as statements have it."""
        return quote(self.name)

    @property
    def create(self) -> str:
        """The statement that makes it."""
        return f"CREATE TEMPORARY TABLE {self.quoted} ({self.columns}) ENGINE = Memory"


async def read_form(request: web.Request, asked: Asked, limit: int) -> list[External]:
    """Adds the form's fields to `asked`; its tables. Raises StoreError: no such form, more than `limit` bytes."""
    files: dict[str, bytes] = {}
    left = limit
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or not part.name:
                continue
            data = bytearray()
            while piece := await part.read_chunk(1 << 16):
                data += piece
                left -= len(piece)
                if left < 0:
                    raise refused("BAD_ARGUMENTS", BAD_ARGUMENTS, f"A form may have {limit} bytes.")
            if part.filename is None:
                asked.add(part.name, data.decode(errors="replace"), form=True)
            else:
                files[part.name] = bytes(data)
    except (AssertionError, ValueError) as error:
        raise refused("BAD_ARGUMENTS", BAD_ARGUMENTS, f"The body is no multipart/form-data: {error}.") from error
    # What names no file's table is a setting that happens to end so.
    for name in asked.external.keys() - files.keys():
        for word, value in asked.external.pop(name).items():
            asked.settings[f"{name}_{word}"] = value
    return list(_tables(files, asked))


def _tables(files: dict[str, bytes], asked: Asked) -> Iterator[External]:
    for name, data in files.items():
        told = asked.external.get(name, {})
        columns = told.get("structure", "")
        if not columns:
            types = told.get("types", "")
            if not types:
                raise refused(
                    "BAD_ARGUMENTS", BAD_ARGUMENTS, f"Neither structure nor types were given for {name}."
                )
            columns = ", ".join(f"`_{at}` {kind}" for at, kind in enumerate(types.split(","), 1))
        yield External(name, columns, told.get("format", "TabSeparated"), data)

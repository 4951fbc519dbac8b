"""A ClickHouse server over its HTTP interface: the same seam as the embedded `Database`.

https://clickhouse.com/docs/interfaces/http
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import select
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import lz4.frame

from pipeline.schema.ddl import literal, quote
from pipeline.store.database import INSERT_SETTINGS, settings_clause
from pipeline.store.errors import StoreError, clickhouse_error

SCHEMES: dict[str, int] = {"http": 8123, "https": 8443, "clickhouse": 8123, "clickhouses": 8443}
"""URL scheme to its default port. `clickhouse` is HTTP too: Shoal doesn't speak the native protocol."""

# Statuses of a proxy or server that is overloaded or away, whatever stands in the body.
_OVERLOAD = frozenset({429, 502, 503, 504})
_PIECE = 1 << 20


def is_url(db: str) -> bool:
    """Whether what was given as `--db` names a server, and not a directory."""
    scheme, found, _ = db.partition("://")
    return bool(found) and scheme in SCHEMES


def _amid(last: bytes) -> StoreError | None:
    """The error that a server wrote at the end of an answer which it couldn't go on with."""
    _, found, said = last.rpartition(b"__exception__\r\n")[0].rpartition(b"__exception__\r\n")
    # Before it stands a tag, after it a line with its length and the tag.
    text = said.decode(errors="replace").partition("\r\n")[2].rpartition("\n")[0]
    return clickhouse_error(text) if found else None


class RemoteInsert:
    """An insert on its way as the body of one request, block by block; the server stores all of it or nothing."""

    def __init__(self, remote: Remote, connection: http.client.HTTPConnection, table: str) -> None:
        self.table = table
        self._remote = remote
        self._connection = connection
        # Native blocks shrink to a sixth, in a tenth of the time that a server takes to read them as they are.
        self._frame = lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX1MB, block_linked=False)
        self._head = self._frame.begin()

    def append(self, block: bytes) -> None:
        """Sends a Native block. Raises StoreError where the server refuses it or went away."""
        if not block:
            return
        head, self._head = self._head, b""
        self._send(head + self._frame.compress(block))

    def _send(self, data: bytes) -> None:
        if not data:
            return
        try:
            # Three sends, so that a piece of several MiB is not copied to get its frame.
            self._connection.send(b"%x\r\n" % len(data))
            self._connection.send(data)
            self._connection.send(b"\r\n")
        except (OSError, http.client.HTTPException) as error:
            # A server that refuses says why before it hangs up.
            with contextlib.suppress(StoreError, OSError):
                self._remote._answer(self._connection)  # raises what the server said
            raise self._remote._lost(error, self._doing) from error
        except BaseException:
            self._remote._drop()
            raise

    def finish(self) -> int:
        """Ends the body; the rows that the server wrote. Raises StoreError."""
        self._send(self._head + self._frame.flush())
        try:
            self._connection.send(b"0\r\n\r\n")
            response = self._remote._answer(self._connection, self._doing)
            summary = json.loads(response.getheader("X-ClickHouse-Summary") or "{}")
            response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._remote._lost(error, self._doing) from error
        except BaseException:
            self._remote._drop()
            raise
        return int(summary.get("written_rows", 0))

    def cancel(self) -> None:
        """Hangs up in the middle of the body, whereupon the server drops what it has."""
        self._remote._drop()

    @property
    def _doing(self) -> str:
        return f"insert into {self.table} failed: "


class Remote:
    """A database of a ClickHouse server, over one connection that is kept alive; `with Remote(url).open() as db`.

    `url` is `http[s]://[user[:password]@]host[:port][/database][?setting=value]`, or the same with `clickhouse://`.
    """

    def __init__(
        self, url: str, *, user: str = "", password: str = "", database: str = "", token: str = "",
        timeout: float = 300.0,
    ) -> None:
        """`token` is the one of a serving process (pipeline.store.local); `timeout` in seconds."""
        self._given = url
        self._user = user
        self._password = password
        self._database = database
        self._token = token
        self._timeout = timeout
        self._host = ""
        self._port = 0
        self._tls = False
        self._settings: dict[str, str] = {}
        self._engines: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None

    @property
    def url(self) -> str:
        """Where the server is, without name and password."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http{'s' if self._tls else ''}://{host}:{self._port}"

    def open(self, *, readonly: bool = False, ask: bool = True) -> Self:
        """Reads the URL and, with `ask`, asks the server for a sign of life; with `readonly` nothing can be changed
        then, for which it has to be asked.

        Raises StoreError: no such URL (exit code 2), no answer (retryable), refused.
        """
        self._read_url()
        if not ask and not readonly:
            return self
        now = self.query("SELECT getSetting('readonly')").strip()
        # Who may only read already is not let change that.
        if readonly and now == b"0":
            self._settings["readonly"] = "2"
        return self

    def _read_url(self) -> None:
        try:
            parts = urlsplit(self._given)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise StoreError(f"{self._given}: {error}", 2) from error
        if parts.scheme not in SCHEMES or not host:
            raise StoreError(f"{self._given}: a server is given as http://HOST:PORT", 2)
        self._tls = parts.scheme in ("https", "clickhouses")
        self._host = host
        self._port = port or SCHEMES[parts.scheme]
        self._user = self._user or unquote(parts.username or "")
        self._password = self._password or unquote(parts.password or "")
        self._database = self._database or unquote(parts.path.strip("/"))
        self._settings = dict(parse_qsl(parts.query))

    def beside(self) -> Self:
        """The same database over a connection of its own."""
        other = type(self)(
            self._given, user=self._user, password=self._password, database=self._database, token=self._token,
            timeout=self._timeout,
        )
        other._read_url()
        other._settings |= self._settings
        return other

    def close(self) -> None:
        """Ends the connection; closing twice does no harm."""
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, sql: str, fmt: str = "TabSeparated") -> bytes:
        """Runs one statement; what it answers, in ClickHouse's format `fmt`. Raises StoreError with its message.

        `wait_end_of_query` lets the server see the whole answer before its status, so that no error comes amid data.
        """
        return b"".join(self._ask(sql, {"default_format": fmt, "wait_end_of_query": "1"}))

    def stream(self, sql: str, fmt: str) -> Iterator[bytes]:
        """As `query`, piece by piece in bounded memory. A server that fails amid the answer is a StoreError too."""
        yield from self._ask(sql, {"default_format": fmt})

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a SELECT, as dictionaries; 64-bit integers are numbers."""
        asked = {
            "default_format": "JSONEachRow", "wait_end_of_query": "1", "output_format_json_quote_64bit_integers": "0",
        }
        return [json.loads(line) for line in b"".join(self._ask(sql, asked)).splitlines()]

    def insert(self, table: str, columns: list[str], token: str = "") -> RemoteInsert:
        """Begins an insert of Native blocks that have some or all of `columns`; `token` as of `Database.insert`."""
        settings = INSERT_SETTINGS | ({"insert_deduplication_token": token} if token else {})
        if self._distributed(table):
            # The shards have the rows when the insert is answered, not a queue of the server that was asked.
            settings["distributed_foreground_insert"] = "1"
        names = ", ".join(quote(name) for name in columns)
        sql = f"INSERT INTO {quote(table)} ({names}) {settings_clause(settings)} FORMAT Native"
        headers = {"Transfer-Encoding": "chunked", "Content-Encoding": "lz4"}
        connection = self._begin({"query": sql}, headers, f"insert into {table} failed: ")
        return RemoteInsert(self, connection, table)

    def _distributed(self, table: str) -> bool:
        """Whether a table's rows are those of a cluster's hosts; asked once."""
        if table not in self._engines:
            asked = f"SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {literal(table)}"
            for row in self.rows(asked):
                self._engines[table] = row["engine"]
        return self._engines.get(table) == "Distributed"

    def insert_rows(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Inserts a few rows given as dictionaries; columns not named get their defaults."""
        names = ", ".join(quote(name) for name in rows[0])
        lines = "\n".join(json.dumps(row) for row in rows)
        self.query(f"INSERT INTO {quote(table)} ({names}) FORMAT JSONEachRow\n{lines}")

    def _ask(self, sql: str, parameters: dict[str, str]) -> Iterator[bytes]:
        body = sql.encode()
        connection = self._begin(parameters, {"Content-Length": str(len(body))})
        done = False
        last = b""
        try:
            connection.send(body)
            response = self._answer(connection)
            while piece := response.read1(_PIECE):
                last = piece
                yield piece
            # read1 at the end of a body of known length doesn't.
            response.close()
            done = True
        except http.client.IncompleteRead as error:
            raise _amid(last) or self._lost(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            if not done:
                # The rest of the answer would stand before the next one.
                self._drop()

    def _begin(
        self, parameters: dict[str, str], headers: dict[str, str], doing: str = ""
    ) -> http.client.HTTPConnection:
        """Sends the head of a request."""
        connection = self._connected()
        asked = self._settings | ({"database": self._database} if self._database else {}) | parameters
        try:
            connection.putrequest("POST", "/?" + urlencode(asked), skip_accept_encoding=True)
            for name, value in (self._credentials() | headers).items():
                connection.putheader(name, value)
            connection.endheaders()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error, doing) from error
        return connection

    def _connected(self) -> http.client.HTTPConnection:
        """The connection; a new one where the server has ended the last, which it may after some idle seconds."""
        if self._connection is not None and self._connection.sock is not None:
            poll = select.poll()
            poll.register(self._connection.sock, select.POLLIN)
            if poll.poll(0):
                # Nothing was asked, so what can be read is the end of the connection.
                self._drop()
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout)
        return self._connection

    def _credentials(self) -> dict[str, str]:
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        if self._user or self._password:
            pair = f"{self._user or 'default'}:{self._password}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}

    def _answer(self, connection: http.client.HTTPConnection, doing: str = "") -> http.client.HTTPResponse:
        """The head of the answer. Raises StoreError where the status is no success."""
        response = connection.getresponse()
        if response.status == 200:
            return response
        said = response.read().decode(errors="replace").strip()
        self._drop()
        code = int(response.getheader("X-ClickHouse-Exception-Code") or 0)
        error = clickhouse_error(said or f"{self.url} answers with status {response.status}", doing)
        error.code = error.code or code
        error.retryable = error.retryable or response.status in _OVERLOAD
        raise error

    def _lost(self, error: Exception, doing: str = "") -> StoreError:
        self._drop()
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return StoreError(f"{doing}no answer from {self.url}: {said}", retryable=True)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

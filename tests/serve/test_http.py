"""The interface itself: what stands on the wire, asked without a client library."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import lz4.frame
import pytest
from backports import zstd

from tests.serve.served import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("http") / "db", "--read-write") as it:
        yield it


@dataclass
class Answer:
    """Status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes


def get(served: Served, path: str) -> Answer:
    """Asks for a path, without a body."""
    return send(served, "GET", path, None, {})


def post(served: Served, sql: str | bytes, headers: dict[str, str] | None = None, **asked: object) -> Answer:
    """Posts a body with `asked` in the URL."""
    body = sql.encode() if isinstance(sql, str) else sql
    return send(served, "POST", "/?" + urlencode(asked), body, headers or {})


def send(served: Served, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return answer


def table(served: Served, name: str, columns: str = "a UInt32") -> None:
    """Makes a table anew."""
    for sql in (f"DROP TABLE IF EXISTS {name} SYNC", f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY a"):
        assert post(served, sql).status == 200


@pytest.mark.parametrize("path", ["/ping", "/replicas_status", "/", "/?query=", "/?user=default"])
def test_signs_of_life(served: Served, path: str) -> None:
    answer = get(served, path)
    assert (answer.status, answer.body) == (200, b"Ok.\n")


def test_headers_tell_of_the_answer(served: Served) -> None:
    answer = post(served, "SELECT number FROM numbers(10)", query_id="mine", default_format="CSV")
    assert answer.body == b"".join(b"%d\n" % n for n in range(10))
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Format"] == "CSV"
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert "X-ClickHouse-Progress" not in answer.headers
    whole = post(
        served, "SELECT number FROM numbers(10)", wait_end_of_query=1, send_progress_in_http_headers=1
    )
    told = json.loads(whole.headers["X-ClickHouse-Summary"])
    assert (told["read_rows"], told["result_rows"], told["written_rows"]) == ("10", "10", "0")
    assert json.loads(whole.headers["X-ClickHouse-Progress"])["read_rows"] == "10"
    assert int(whole.headers["Content-Length"]) == len(whole.body) == 20


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/?query=SELECT%201%20AS%20a%20FORMAT%20JSONEachRow", None),
        ("/?query=SELECT%201%20AS%20a&default_format=JSONEachRow", None),
        ("/?default_format=JSONEachRow", b"SELECT 1 AS a"),
        ("/?query=SELECT%201", b"AS a FORMAT JSONEachRow;"),
        ("/?default_format=CSV", b"-- FORMAT TSV\nSELECT 1 AS a /* ; */ FORMAT JSONEachRow SETTINGS max_threads = 1"),
        ("/?query=SELECT%20{x:UInt8}%20AS%20a%20FORMAT%20JSONEachRow&param_x=1", b""),
    ],
)
def test_statement_and_format_stand_where_they_may(served: Served, path: str, body: bytes | None) -> None:
    answer = send(served, "GET" if body is None else "POST", path, body, {})
    assert answer.body == b'{"a":1}\n'
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"


def test_format_and_database_in_headers(served: Served) -> None:
    headers = {"X-ClickHouse-Format": "TSVWithNames", "X-ClickHouse-Database": "system"}
    assert post(served, "SELECT dummy, currentDatabase() AS d FROM one", headers).body == b"dummy\td\n0\tsystem\n"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("\x00\x01", 400, 62),
        ("(", 400, 62),
        ("SELECT * FROM nowhere", 404, 60),
        ("SELECT nothing", 404, 47),
        ("SELECT 1 SETTINGS no_such = 1", 404, 115),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 FORMAT NoSuch", 404, 73),
        ("SELECT {x:UInt8}", 500, 456),
        ("SELECT 1 INTO OUTFILE '/tmp/shoal-never'", 500, 358),
        ("INSERT INTO nowhere FORMAT CSV\n1\n", 404, 60),
        ("1 + 1", 400, 62),
    ],
)
def test_errors_have_a_status_and_a_code(served: Served, sql: str, status: int, code: int) -> None:
    answer = post(served, sql)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.body.startswith(b"Code: %d. DB::Exception: " % code)
    assert b"(version " in answer.body


def test_url_s_errors(served: Served) -> None:
    assert post(served, "SELECT 1", no_such_setting="x").headers["X-ClickHouse-Exception-Code"] == "115"
    assert post(served, "SELECT 1", **{"a.b": "x"}).headers["X-ClickHouse-Exception-Code"] == "36"
    assert post(served, "SELECT 1", database="nowhere").status == 404


def test_time_and_memory_are_bounded(served: Served) -> None:
    slow = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"
    answer = post(served, slow, max_execution_time=1)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")
    large = "SELECT groupArray(number) FROM numbers(1000000000)"
    assert post(served, large, max_memory_usage=100_000_000).headers["X-ClickHouse-Exception-Code"] == "241"
    bounds = "SELECT getSetting('max_memory_usage') > 0, getSetting('max_execution_time') > 0"
    assert post(served, bounds).body == b"1\t1\n"


def test_settings_end_with_their_request(served: Served) -> None:
    ask = "SELECT getSetting('max_block_size')"
    usual = post(served, ask).body
    assert post(served, ask, max_block_size=17).body == b"17\n" != usual
    post(served, "SET max_block_size = 18")
    assert post(served, ask).body == usual


@pytest.mark.parametrize("wait", [0, 1])
def test_error_amid_an_answer(served: Served, wait: int) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)"
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", f"/?wait_end_of_query={wait}", sql)
    response = connection.getresponse()
    if wait:
        assert (response.status, response.getheader("X-ClickHouse-Exception-Code")) == (500, "395")
        return
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    body = cut.value.partial[-10_000:]
    tag = (response.getheader("X-ClickHouse-Exception-Tag") or "").encode()
    error = body.partition(b"\r\n__exception__\r\n" + tag + b"\r\n")[2]
    text, _, end = error.rpartition(b"\n")[0].rpartition(b"\n")[0].rpartition(b"\n")
    assert text.startswith(b"Code: 395. DB::Exception: ")
    assert end == b"%d %b\r" % (len(text) + 1, tag)


@pytest.mark.parametrize(("kind", "unpack"), [
    ("lz4", lz4.frame.decompress), ("zstd", zstd.decompress), ("gzip", gzip.decompress), ("deflate", zlib.decompress),
])
@pytest.mark.parametrize("wait", [0, 1])
def test_answers_are_compressed_where_asked(served: Served, kind: str, unpack: object, wait: int) -> None:
    sql, headers = "SELECT number FROM numbers(300000)", {"Accept-Encoding": f"{kind};q=0.5, snappy"}
    answer = post(served, sql, headers, enable_http_compression=1, wait_end_of_query=wait)
    assert answer.headers["Content-Encoding"] == kind
    plain = b"".join(b"%d\n" % n for n in range(300_000))
    assert unpack(answer.body) == plain  # type: ignore[operator]
    assert post(served, sql, headers).body == plain


@pytest.mark.parametrize(("kind", "pack"), [
    ("lz4", lz4.frame.compress), ("zstd", zstd.compress), ("gzip", gzip.compress), ("deflate", zlib.compress),
])
def test_compressed_bodies(served: Served, kind: str, pack: object) -> None:
    table(served, "packed")
    data = b"".join(b"%d\n" % n for n in range(300_000))
    encoding = {"Content-Encoding": kind}
    packed = pack(data)  # type: ignore[operator]
    assert post(served, packed, encoding, query="INSERT INTO packed FORMAT TSV").status == 200
    assert post(served, pack(b"SELECT count(), sum(a) FROM packed"), encoding).body == b"300000\t44999850000\n"  # type: ignore[operator]
    for damaged in (packed[: len(packed) // 2], b"no such stream"):
        answer = post(served, damaged, encoding, query="INSERT INTO packed FORMAT TSV")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "271"
    assert post(served, "SELECT count() FROM packed").body == b"300000\n"
    assert post(served, b"x", {"Content-Encoding": "snappy"}).headers["X-ClickHouse-Exception-Code"] == "89"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("INSERT INTO t FORMAT TSV", b"1\n2\n"),
        ("", b"INSERT INTO t FORMAT TSV\n1\n2\n"),
        ("", b"INSERT INTO t (a) SETTINGS max_threads = 1 FORMAT TSV\r\n1\n2\n"),
        ("INSERT INTO t VALUES", b"(1), (2)"),
        ("", b"INSERT INTO t (a) VALUES (1), (2)"),
        ("INSERT INTO t", b"FORMAT JSONEachRow {\"a\": 1} {\"a\": 2}"),
        ("", b"/* FORMAT CSV */ insert into table `t` (`a`) format CSV 1\n2"),
        ("INSERT INTO t SELECT number + 1 FROM numbers(2)", b""),
    ],
)
def test_inserts_find_their_data(served: Served, query: str, body: bytes) -> None:
    table(served, "t")
    answer = post(served, body, query=query)
    assert answer.status == 200, answer.body
    assert post(served, "SELECT a FROM t ORDER BY a").body == b"1\n2\n"
    if b"SELECT" not in query.encode():
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"


def test_insert_is_one_part_or_nothing(served: Served) -> None:
    table(served, "t")
    rows = b"".join(b"%d\n" % n for n in range(2_000_000))
    assert post(served, rows, query="INSERT INTO t FORMAT TSV").status == 200
    bad = post(served, rows + b"x\n", query="INSERT INTO t FORMAT TSV")
    assert (bad.status, bad.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    assert post(served, "SELECT count(), uniqExact(_part) FROM t").body == b"2000000\t1\n"


def test_sessions_keep_temporary_tables_but_no_settings_of_urls(served: Served) -> None:
    post(served, "CREATE TEMPORARY TABLE mine AS SELECT 1 AS a", session_id="s1", max_block_size=17)
    assert post(served, "SELECT a FROM mine", session_id="s1").body == b"1\n"
    assert post(served, "SELECT getSetting('max_block_size')", session_id="s1").body != b"17\n"
    post(served, "SET max_block_size = 18", session_id="s1")
    assert post(served, "SELECT getSetting('max_block_size')", session_id="s1").body == b"18\n"
    assert post(served, "SELECT a FROM mine", session_id="s2").status == 404
    assert post(served, "SELECT a FROM mine").status == 404
    checked = post(served, "SELECT 1", session_id="s3", session_check=1)
    assert checked.headers["X-ClickHouse-Exception-Code"] == "372"
    assert post(served, "SELECT a FROM mine", session_id="s1", session_check=1).body == b"1\n"


def test_a_session_has_one_request_at_a_time(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", "/?session_id=busy", "SELECT number FROM numbers(1000000000)")
    assert connection.getresponse().status == 200
    answer = post(served, "SELECT 1", session_id="busy")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "373"
    connection.close()


def test_form_with_parameters_and_tables(served: Served) -> None:
    parts = {
        'name="query"': "SELECT b, c, {x:String} FROM one JOIN two ON a = _1 ORDER BY c",
        'name="param_x"': "it's",
        'name="one"; filename="one"': "1\tn\n",
        'name="two"; filename="two"': "1,x\n1,y\n",
    }
    body = "".join(
        f"--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts.items()
    ).replace("SELECT b, c,", "SELECT b, _2 AS c,") + "--edge--\r\n"
    asked = {"one_structure": "a UInt8, b String", "two_types": "UInt8,String", "two_format": "CSV"}
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert post(served, body, headers, **asked).body == b"n\tx\tit\\'s\nn\ty\tit\\'s\n"
    assert post(served, "no form", headers).headers["X-ClickHouse-Exception-Code"] == "36"

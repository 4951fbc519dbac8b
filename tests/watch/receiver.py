"""A real HTTP server that answers as a script says, and keeps what it was sent."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = int | str
"""A status; `reset` hangs up at once, `hang` does not answer until the end, `redirect` leads elsewhere."""


@dataclass(frozen=True)
class Request:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came so far; the next answers are those of `script`, then `always`."""

    script: list[Answer] = field(default_factory=list)
    always: Answer = 200
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    answer_headers: dict[str, str] = field(default_factory=dict)
    on_request: Callable[[Request], None] | None = None
    on_answered: Callable[[Request], None] | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def bodies(self) -> list[Any]:
        """What came, as JSON."""
        return [request.json for request in tuple(self.requests)]


def until(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Waits for something to be so; AssertionError where it does not become."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "did not come to pass"
        time.sleep(0.01)
    return found


@contextmanager
def receiving(*script: Answer, always: Answer = 200) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(list(script), always)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.path, dict(self.headers), body)
            receiver.requests.append(request)
            if receiver.on_request is not None:
                receiver.on_request(request)
            answer = receiver.script.pop(0) if receiver.script else receiver.always
            if answer == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            if answer == "hang":
                receiver.over.wait(60)
                return
            self.send_response(302 if answer == "redirect" else int(answer))
            for name, value in receiver.answer_headers.items():
                self.send_header(name, value)
            said = b"the answer"
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            self.wfile.flush()
            if receiver.on_answered is not None:
                receiver.on_answered(request)

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def finish(self) -> None:
            # The connection may have been reset by the script.
            with suppress(OSError, ValueError):
                super().finish()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

        def shutdown_request(self, request: Any) -> None:
            with suppress(OSError):
                super().shutdown_request(request)

    server = Server(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()

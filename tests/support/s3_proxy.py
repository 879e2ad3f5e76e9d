"""Stand between a client and a real S3 server, and spoil chosen answers as networks and lesser servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "expect", "keep-alive"}


@dataclass(frozen=True)
class Exchange:
    """Hold one request and the server's answer to it; `cut` sends only that many bytes of the body."""

    method: str
    path: str
    sent: dict[str, str]
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: int | None = None

    def answer(self, status: int, body: bytes = b"", **headers: str) -> Exchange:
        """Return the exchange with another answer."""
        return replace(self, status=status, headers=tuple(headers.items()), body=body)


Tamper = Callable[[Exchange], Exchange | None]
# given method and path, the status to answer with instead of asking the server; BROKEN_LINE gives no answer at all
Refuse = Callable[[str, str], int | None]
BROKEN_LINE = 0


class S3Proxy:
    """Forward every request; `tamper` sees each answer and returns what the client gets (None: a broken line).

    What `refuse` answers is not forwarded.
    """

    def __init__(self, upstream: str, tamper: Tamper, refuse: Refuse = lambda method, path: None) -> None:
        self.seen: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(upstream, tamper, refuse, self.seen))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """Return the proxy's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> S3Proxy:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def once(tamper: Tamper, method: str) -> Tamper:
    """Return a tamper that touches only the first answer to `method`."""
    left = [True]

    def first_only(exchange: Exchange) -> Exchange | None:
        if exchange.method == method and left:
            left.clear()
            return tamper(exchange)
        return exchange

    return first_only


def _handler(upstream: str, tamper: Tamper, refuse: Refuse, seen: list[str]) -> type[BaseHTTPRequestHandler]:
    host = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            refused = refuse(self.command, self.path)
            if refused is not None:
                answer = Exchange(self.command, self.path, {}, refused, (), b"")
                self.deliver(None if refused == BROKEN_LINE else answer, None)
                return
            sent = {name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS}
            connection = http.client.HTTPConnection(str(host.hostname), int(host.port or 80), timeout=30)
            try:
                # Host stays the client's: its signature covers it
                connection.request(self.command, self.path, body=body, headers=sent)
                response = connection.getresponse()
                data = response.read()
            finally:
                connection.close()
            headers = tuple(pair for pair in response.getheaders() if pair[0].lower() not in HOP_HEADERS)
            length = response.getheader("Content-Length") if self.command == "HEAD" else None
            seen.append(f"{self.command} {response.status}")
            self.deliver(tamper(Exchange(self.command, self.path, sent, response.status, headers, data)), length)

        def deliver(self, exchange: Exchange | None, length: str | None) -> None:
            self.close_connection = exchange is None or exchange.cut is not None
            if exchange is None:
                return
            self.send_response(exchange.status)
            for name, value in exchange.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(exchange.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(exchange.body[: exchange.cut])

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = forward

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler

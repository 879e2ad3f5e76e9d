"""Receive what is sent to an owner: a small SMTP server and a small webhook, on loopback, for tests."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 sink")
        lines: list[str] = []
        while line := self.rfile.readline():
            word = line.decode().strip()
            if word.upper() == "DATA":
                self._say("354 go on")
                while (text := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.server.messages.append("".join(lines))  # type: ignore[attr-defined]
            if word.upper() == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def smtp_sink() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of an SMTP server and the messages that it receives."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.daemon_threads = True
        server.messages = []  # type: ignore[attr-defined]
        yield from _serving(server, server.messages)  # type: ignore[attr-defined]


@contextmanager
def webhook_sink() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of a webhook and the bodies that are posted to it."""
    bodies: list[str] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        yield from _serving(server, bodies)


def _serving(server: socketserver.TCPServer, received: list[str]) -> Iterator[tuple[int, list[str]]]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], received
    finally:
        server.shutdown()
        thread.join()

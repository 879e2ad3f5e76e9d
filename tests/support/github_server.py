"""Serve the three calls of GitHub's REST API that comments on a pull request need, by its documented rules."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-the-job"
REPOSITORY = "acme/models"


class GitHub:
    """Hold the comments of pull request 12 and what was asked.

    Attributes:
        comments: As GitHub lists them, oldest first.
        asked: Method and path of each request.
        refuse: The status to refuse everything with; 0 for none.
    """

    def __init__(self) -> None:
        self.url = ""
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.refuse = 0

    def add(self, body: str, kind: str = "Bot") -> dict[str, Any]:
        """Add a comment by a bot or by a person ("User")."""
        number = len(self.comments) + 1
        made = {"id": number, "body": body, "user": {"type": kind}, "html_url": f"https://github.test/comment/{number}"}
        self.comments.append(made)
        return made

    def answer(self, method: str, target: str, body: dict[str, Any], token: str) -> tuple[int, Any]:
        """Return status and content of the answer to a request."""
        path, asked = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.asked.append(f"{method} {path}")
        if self.refuse or token != f"Bearer {TOKEN}":
            return self.refuse or 401, {"message": "refused"}
        if path == f"/repos/{REPOSITORY}/issues/12/comments":
            if method == "POST":
                return 201, self.add(body["body"])
            page, size = int(asked["page"][0]), int(asked["per_page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        for comment in self.comments:
            if method == "PATCH" and path == f"/repos/{REPOSITORY}/issues/comments/{comment['id']}":
                comment["body"] = body["body"]
                return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def github() -> Iterator[GitHub]:
    """Run the server on a free port of loopback until the block ends."""
    there = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, content = there.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    there.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Start a real MLflow server that keeps its records in SQLite and serves runs' files out of an object store."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from include.airflow_client.api import answers
from include.stack.environment import free_ports

LONGEST_SECONDS = 120


@contextmanager
def tracking_server(folder: Path, database: str, store_url: str) -> Iterator[str]:
    """Yield the address of a server on a free port; `folder` gets its log."""
    [port] = free_ports(1)
    options = ["--backend-store-uri", database, "--artifacts-destination", store_url, "--workers", "1"]
    environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "mlflow-server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *options],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + LONGEST_SECONDS
            while not answers(f"{url}/health"):
                assert server.poll() is None, (folder / "mlflow-server.log").read_text()
                assert time.monotonic() < deadline, f"no answer after {LONGEST_SECONDS} s"
                time.sleep(0.3)
            yield url
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def asking_for_password(server_url: str, user: str, password: str) -> Iterator[str]:
    """Yield an address at which a server answers only who logs in, as a proxy before it does."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Guard(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() == "content-type"}
            asked = urllib.request.Request(server_url + self.path, body or None, kept, method=self.command)
            try:
                with urllib.request.urlopen(asked) as answer:
                    status, data = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, data = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    guard = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    threading.Thread(target=guard.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{guard.server_port}"
    finally:
        guard.shutdown()
        guard.server_close()

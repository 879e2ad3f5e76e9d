"""Start the docker stack, follow it until every service is healthy, and find it again."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from include.config.settings import DEFAULT_AIRFLOW_PORT, DEFAULT_MLFLOW_PORT, Settings, git_commit
from include.domain.errors import SettingsError, StackError
from include.stack.compose.engine import Compose
from include.stack.compose.env_file import ensure_env, read_env, refuse_readable_by_others
from include.stack.environment import choose_ports

# the command line runs in this container: it has every address, and the one administrator's password
DOOR = "api-server"
HEALTHY_SECONDS = 600
SOCKET = Path("/var/run/docker.sock")
# each look is a command of compose, a third of a second of a core that the services need
POLL_SECONDS = 2.0
# of a container that did not become healthy
LAST_LINES = "15"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Addresses:
    """Say where people find the stack, with the names and passwords they need."""

    airflow: str
    airflow_password: str
    mlflow: str
    mlflow_password: str


def start(compose: Compose, workers: int | None, training_containers: bool | None, say: Say) -> None:
    """Build the image, start every service, and return when all are healthy.

    Args:
        compose: The checkout's compose.
        workers: How many Celery workers; 0 lets the scheduler run the tasks, None keeps what `.env` says.
        training_containers: Whether tasks may start containers on this engine; None keeps what `.env` says.
        say: Is told what is waited for.

    Raises:
        SettingsError: `.env` cannot be used, or a port that was chosen is in use.
        StackError: The build fails, or a service does not become healthy; with its last words.
    """
    ensure_env(compose.root, {**_ports(compose, say), **_workers(workers), **_engine_access(training_containers)})
    say("building the image")
    compose.output("build", environ=_build_arguments())
    say("starting the containers")
    with _starting(compose) as (process, said):
        _follow(compose, process, say)
        if process.returncode:
            said.seek(0)
            raise _not_started(compose, said.read().decode(errors="replace"))


def require_running(compose: Compose) -> None:
    """Refuse to go on without a running docker stack.

    Raises:
        SettingsError: With the command that starts it.
    """
    refuse_readable_by_others(compose.root)
    if not compose.runs(DOOR):
        raise SettingsError("the docker stack", "it is not running", hint="./nightshift up --docker")


def addresses(compose: Compose) -> Addresses:
    """Return where the stack is published, as `.env` has it."""
    env = {**read_env(compose.root), **{name: value for name, value in os.environ.items() if name.endswith("_PORT")}}
    airflow = env.get("NIGHTSHIFT_AIRFLOW_PORT", str(DEFAULT_AIRFLOW_PORT))
    mlflow = env.get("NIGHTSHIFT_MLFLOW_PORT", str(DEFAULT_MLFLOW_PORT))
    return Addresses(
        f"http://127.0.0.1:{airflow}", env["ADMIN_PASSWORD"], f"http://127.0.0.1:{mlflow}", env["MLFLOW_PASSWORD"]
    )


def memory(compose: Compose) -> dict[str, str]:
    """Return what each running container uses now, by its name: "312MiB / 2GiB"."""
    ids = compose.output("ps", "--quiet").split()
    if not ids:
        return {}
    done = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "json", *ids], capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["Name"]: line["MemUsage"] for line in lines}


def _ports(compose: Compose, say: Say) -> Mapping[str, str]:
    """Return the ports to publish at: those of `.env` or the environment, else the usual ones while they are free."""
    if compose.runs(DOOR):
        return {}
    settings = Settings.from_environment({**read_env(compose.root), **os.environ})
    chosen = choose_ports(settings, ("airflow_port", "mlflow_port"), prefer_default=True)
    for name, usual in (("airflow_port", DEFAULT_AIRFLOW_PORT), ("mlflow_port", DEFAULT_MLFLOW_PORT)):
        if chosen[name] != usual and name not in settings.ports_chosen:
            say(f"port {usual} is in use: {chosen[name]} is taken, and written into .env")
    return {f"NIGHTSHIFT_{name.upper()}": str(port) for name, port in chosen.items()}


def _workers(workers: int | None) -> Mapping[str, str]:
    if workers is None:
        return {}
    if workers == 0:
        names = ("COMPOSE_PROFILES", "NIGHTSHIFT_EXECUTOR", "NIGHTSHIFT_WORKERS", "NIGHTSHIFT_SCHEDULER_PRELOAD")
        return dict.fromkeys(names, "")
    return {
        "COMPOSE_PROFILES": "workers",
        "NIGHTSHIFT_EXECUTOR": "CeleryExecutor",
        "NIGHTSHIFT_WORKERS": str(workers),
        # nothing of the stages runs in the scheduler then
        "NIGHTSHIFT_SCHEDULER_PRELOAD": "0",
    }


def _engine_access(granted: bool | None) -> Mapping[str, str]:
    """Return the settings by which tasks may speak with the engine, as the group that owns its socket.

    Raises:
        SettingsError: The engine is not one of this machine.
    """
    if granted is None:
        return {}
    if not granted:
        return {"COMPOSE_FILE": "", "DOCKER_GROUP": ""}
    try:
        group = SOCKET.stat().st_gid
    except OSError as error:
        raise SettingsError(
            "option --training-containers",
            "the engine has no socket here",
            got=str(error.strerror),
            allowed=(str(SOCKET),),
        ) from error
    return {"COMPOSE_FILE": "docker-compose.yaml:docker-compose.training.yaml", "DOCKER_GROUP": str(group)}


def _build_arguments() -> dict[str, str]:
    return {"NIGHTSHIFT_GIT_COMMIT": git_commit()}


@contextmanager
def _starting(compose: Compose) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Yield the command that starts the services in their order, and what it says; it ends when they are there."""
    command = compose.command("up", "--detach", "--wait", "--wait-timeout", str(HEALTHY_SECONDS), "--remove-orphans")
    # a file, not a pipe: nobody reads it while the services start, and a full pipe would stop the command
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=compose.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _follow(compose: Compose, process: subprocess.Popen[bytes], say: Say) -> None:
    said = ""
    while process.poll() is None:
        waiting = sorted({one["Service"] for one in compose.services() if not _ready(one)})
        now = f"waiting for {', '.join(waiting)}" if waiting else "starting the containers"
        if now != said:
            said = now
            say(now)
        time.sleep(POLL_SECONDS)


def _ready(service: Mapping[str, object]) -> bool:
    if service["State"] == "exited":
        return service["ExitCode"] == 0
    return service["State"] == "running" and service["Health"] in ("healthy", "")


def _not_started(compose: Compose, said: str) -> StackError:
    failed = sorted({str(one["Service"]) for one in compose.services() if not _ready(one)})
    words = compose.output("logs", "--no-color", "--tail", LAST_LINES, *failed) if failed else ""
    last = said.strip().splitlines()[-1:]
    return StackError(
        ", ".join(failed) or "docker compose",
        "the docker stack does not become healthy; the last words",
        got="\n".join(["", *words.strip()[-3000:].splitlines(), *last, ""]),
        hint="./nightshift ps and ./nightshift logs SERVICE show more; the port may be taken (NIGHTSHIFT_AIRFLOW_PORT)",
    )

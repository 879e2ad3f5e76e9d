"""Start and stop a whole Airflow on this machine, with what it needs around it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from pydantic import SecretStr

from include.airflow_client.api import AirflowApi, answers
from include.airflow_client.backfill import end_left
from include.airflow_client.run_locks import pause_again
from include.config.credentials import load_credentials
from include.config.settings import Settings
from include.domain import clock
from include.domain.errors import StackError
from include.io import processes
from include.io.processes import STACK_VARIABLE, Job, ProcessId
from include.stack.environment import (
    LOOPBACK,
    PRELOAD_VARIABLE,
    AirflowSettings,
    airflow_environment,
    choose_ports,
    component_logs,
    read_airflow_settings,
)
from include.stack.object_server import ObjectServer
from include.stack.state_directory import (
    StackState,
    check_alive,
    prepare_home,
    refuse_half_restored,
    stop_stack,
    with_object_server,
    write_state,
)

Say = Callable[[str], None]
HEALTHY_SECONDS = 240


class Stack:
    """Be one stack while it is started, used and stopped.

    Args:
        settings: Where things are, in whatever namespace (one stack serves all); with `s3` the store and MLflow's
            database become those of the own S3 server.
        mode: `run` lives as long as this process and never schedules by the clock; `up` stays and does.
        s3: Keep objects in a SeaweedFS of its own.
        say: Is told in a few words what happens.
    """

    def __init__(self, settings: Settings, mode: Literal["run", "up"], *, s3: bool, say: Say) -> None:
        settings = settings.in_namespace("")
        self.settings = with_object_server(settings) if s3 else settings
        self._s3 = s3
        self._mode = mode
        self._say = say
        self._declared: AirflowSettings = read_airflow_settings(settings.root)
        self._credentials = load_credentials(settings.home)
        self._server: ObjectServer | None = None
        self.jobs: list[Job] = []
        self.state = StackState(
            stack_id=secrets.token_hex(8),
            mode=mode,
            owner=ProcessId.of(os.getpid()) if mode == "run" else None,
            started_at=clock.now(),
            ports={},
            store_url=self.settings.store_url,
            tracking_url=self.settings.tracking_url,
        )

    def start(self, beside: Sequence[Sequence[str]] = ()) -> None:
        """Prepare what is missing and start every component; `wait_until_healthy` says when they answer.

        Args:
            beside: Jobs that need only the store, and run while the rest starts: name, module, arguments.

        Raises:
            SettingsError: A port is in use, or a restore of this home was interrupted.
            StackError: A preparation failed.
        """
        refuse_half_restored(self.settings.home)
        self._choose_ports()
        # known before the first process starts: whoever finds this file can end all of them
        self._remember()
        if self._s3:
            self._start_object_server()
        self.jobs = [self.run_job(*job) for job in beside]
        self._prepare()
        preloaded = {PRELOAD_VARIABLE: "1"}
        self._start_airflow("api-server")
        self._start_airflow("scheduler", "--skip-serve-logs", extra=preloaded)
        self._start_airflow("dag-processor")
        if self._serves_mlflow():
            self._start_mlflow()

    def wait_until_healthy(self, while_waiting: Callable[[], None] = lambda: None) -> AirflowApi:
        """Wait until every Airflow component reports itself healthy, and return the way to speak with them.

        Raises:
            StackError: A component died, or they take too long; with the last lines of the log.
        """
        api = self.api()
        deadline = time.monotonic() + HEALTHY_SECONDS
        wanted = {"metadatabase", "scheduler", "dag_processor"}
        warm = False
        while time.monotonic() < deadline:
            self.check_alive()
            healthy = {name for name, status in api.health().items() if status == "healthy"}
            if wanted <= healthy and (not self.state.mlflow_url or answers(f"{self.state.mlflow_url}/health")):
                # nothing before the first task waits for it, so it does not compete for the cores until now
                self._start_airflow("triggerer", "--skip-serve-logs")
                for told in end_left(api, self.settings.home):
                    self._say(told)
                return api
            if healthy and not warm:
                warm = api.warm_up()
            while_waiting()
            time.sleep(0.2)
        late = ", ".join(sorted(wanted - healthy))
        raise StackError(
            "the stack",
            f"not healthy after {HEALTHY_SECONDS} s",
            got=late,
            hint=f"read {component_logs(self.settings.home)}",
        )

    def check_alive(self) -> None:
        """Refuse to go on when a component has died.

        Raises:
            StackError: With the last lines of its log.
        """
        check_alive(self.state)

    def api(self) -> AirflowApi:
        """Return the way to speak with this stack's Airflow."""
        return AirflowApi(self.state.airflow_url, self._credentials.admin_password)

    def environment(self) -> dict[str, str]:
        """Return the environment of this stack's Airflow processes."""
        env = airflow_environment(
            self.settings, self._credentials, self._declared, airflow_port=self.state.ports["airflow_port"]
        )
        env.update(self.state.secret_environment())
        env[STACK_VARIABLE] = self.state.stack_id
        if self.state.mlflow_url:
            env["NIGHTSHIFT_MLFLOW_URL"] = self.state.mlflow_url
        if self._mode == "run":
            # only what was asked for: no night that was missed, and no Dag read again in the middle of it
            env["AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"] = "False"
            env["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = "300"
            env["AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL"] = "300"
        return env

    def run_job(self, name: str, module: str, *arguments: str) -> Job:
        """Start one of our own modules as a program beside the stack; it ends with the stack at the latest."""
        return Job(
            name,
            processes.python_module(module, *arguments),
            environ=self.environment(),
            cwd=self.settings.root,
            logs=component_logs(self.settings.home),
        )

    def moved_ports(self) -> list[str]:
        """Return one sentence for each default port that was taken, so that another one is used."""
        return [
            f"port {getattr(self.settings, name)} is in use: {name.removesuffix('_port')} is at {port} "
            f"(NIGHTSHIFT_{name.upper()} chooses)"
            for name, port in self.state.ports.items()
            if self._mode == "up" and port != getattr(self.settings, name)
        ]

    def stop(self) -> None:
        """End every process of this stack; nothing is left, whatever state it was in."""
        if self._server is not None:
            with suppress(OSError):
                self._server.stop()
        stop_stack(self.settings.home, self.state)

    def _choose_ports(self) -> None:
        wanted = ["airflow_port"]
        wanted += ["mlflow_port"] if self._serves_mlflow() else []
        wanted += ["s3_port"] if self._s3 else []
        ports = choose_ports(self.settings, wanted, prefer_default=self._mode == "up")
        self.state = self.state.model_copy(update={"ports": ports})

    def _prepare(self) -> None:
        self._tracking = self.run_job(
            "prepare-tracking", "include.stack.prepare", "tracking", self.settings.tracking_url
        )
        if prepare_home(self.settings, self._credentials, self._declared, self.environment()):
            self._say("made Airflow's database")
        if left := pause_again(self.settings.home):
            self._say(f"paused {left} again: a command that was killed had let it run")

    def _start_airflow(self, name: str, *arguments: str, extra: Mapping[str, str] | None = None) -> None:
        self._start(name, processes.python_module("airflow", name, *arguments), {**self.environment(), **(extra or {})})

    def _serves_mlflow(self) -> bool:
        # a server of somebody else's has an address of its own
        return self._mode == "up" and self.settings.tracking_url.startswith("sqlite:")

    def _start_mlflow(self) -> None:
        self._tracking.wait()
        port = str(self.state.ports["mlflow_port"])
        options = ["--host", LOOPBACK, "--port", port, "--workers", "1", "--no-serve-artifacts"]
        command = processes.python_module(
            "mlflow", "server", "--backend-store-uri", self.settings.tracking_url, *options
        )
        # its job runner (for prompt optimisation and the like) is eight more processes
        self._start("mlflow", command, {**self.environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})

    def _start(self, name: str, command: list[str], environ: Mapping[str, str]) -> None:
        component = processes.start(
            name, command, environ=environ, cwd=self.settings.root, logs=component_logs(self.settings.home)
        )
        self.state = self.state.model_copy(update={"components": (*self.state.components, component)})
        self._remember()

    def _start_object_server(self) -> None:
        # the server's process inherits the mark by which `stop` finds it
        os.environ[STACK_VARIABLE] = self.state.stack_id
        try:
            self._server = ObjectServer(self.settings.home / "s3", port=self.state.ports["s3_port"])
            self._server.start()
        finally:
            del os.environ[STACK_VARIABLE]
        component = self._server.component
        assert component is not None
        self.state = self.state.model_copy(
            update={
                "store_environment": {name: SecretStr(value) for name, value in self._server.environment().items()},
                "components": (*self.state.components, component),
            }
        )
        self._remember()

    def _remember(self) -> None:
        write_state(self.settings.home, self.state)

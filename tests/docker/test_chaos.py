"""Kill each part of the docker stack while a night runs: it ends right by itself, with the same bytes.

An hour on two cores, so it runs only when asked for: ./nightshift test --docker -m chaos
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from include.airflow_client import runs
from include.domain.errors import AirflowApiError
from tests.support import docker_engine
from tests.support.docker_stack import DockerStack, docker_stack
from tests.support.night_digest import digest

PROJECT = "telco_churn"
NAMESPACE = "chaos"
AS_OF = date(2026, 10, 30)
# fewer days than declared: what is killed matters, not how long it takes
WINDOW_DAYS = 40
NIGHT_SECONDS = 1200
# the service that is killed, and the task during which
KILLS = {
    "worker": "train",
    "postgres": "train",
    "objectstore": "train",
    "mlflow": "train",
    "valkey": "validate",
    "scheduler": "train",
    "api-server": "build_features",
    "dag-processor": "validate",
}
pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerStack]:
    if why := docker_engine.missing():
        pytest.skip(why)
    with docker_stack(tmp_path_factory.mktemp("checkout"), workers=2) as started:
        # the demo's days and the pool of the namespace are made by its first night, which is the undisturbed one
        yield started


@pytest.fixture(scope="module")
def undisturbed(stack: DockerStack) -> dict[str, Any]:
    asked = ("--as-of", AS_OF.isoformat(), "--window-days", str(WINDOW_DAYS))
    done = stack.nightshift("run", PROJECT, "--docker", "--namespace", NAMESPACE, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    found = digest(stack, PROJECT, NAMESPACE)
    assert found["verdict"] == "PROMOTE"
    assert any(key.endswith("model.skops") for key in found["objects"])
    return found


@pytest.mark.parametrize("service", KILLS)
def test_a_night_survives_the_loss_of_a_part(stack: DockerStack, undisturbed: dict[str, Any], service: str) -> None:
    _remove_namespace(stack)
    state = _night_with_a_kill(stack, service, KILLS[service])
    assert state == "success"
    assert digest(stack, PROJECT, NAMESPACE) == undisturbed


def _night_with_a_kill(stack: DockerStack, service: str, during: str) -> str:
    request = runs.NightRequest(PROJECT, AS_OF, {"window_days": WINDOW_DAYS}, NAMESPACE)
    stack.register(NAMESPACE, request.dag_id)
    api = stack.api()
    run_id = runs.trigger(api, request)
    api.set_paused(request.dag_id, False)
    killed, deadline = False, time.monotonic() + NIGHT_SECONDS
    while time.monotonic() < deadline:
        try:
            state = str(api.run(request.dag_id, run_id)["state"])
            running = [task["task_id"] for task in api.tasks(request.dag_id, run_id) if task["state"] == "running"]
        except AirflowApiError:
            # the API server itself, or its database, is away
            time.sleep(2)
            continue
        if state in ("success", "failed"):
            assert killed, "the night ended before anything was killed"
            return state
        if not killed and during in running:
            _kill(stack.containers(service)[0])
            killed = True
        time.sleep(0.3)
    raise AssertionError(f"the night with a killed {service} did not end in {NIGHT_SECONDS} s")


def _kill(container: str) -> None:
    """End a container's first process as a crash does: `docker kill` would tell the engine that a person meant it."""
    pid = int(docker_engine.docker("inspect", "--format", "{{.State.Pid}}", container).stdout)
    os.kill(pid, signal.SIGKILL)


def _remove_namespace(stack: DockerStack) -> None:
    deadline = time.monotonic() + 600
    while True:
        done = stack.nightshift("namespace", "rm", NAMESPACE, "--yes", "--docker")
        if done.returncode == 0:
            return
        # what was killed last may still be coming back
        assert time.monotonic() < deadline, done.stdout + done.stderr
        time.sleep(5)

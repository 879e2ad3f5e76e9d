from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from include.domain.errors import SettingsError
from include.io.processes import Component, ProcessId
from include.stack.state_directory import (
    StackState,
    exclusive,
    forget_state,
    read_state,
    refuse_inside,
    running_stack,
    write_state,
)


def state(**changes: Any) -> StackState:
    me = ProcessId.of(os.getpid())
    given: dict[str, Any] = {
        "stack_id": "no-process-has-this",
        "mode": "up",
        "owner": None,
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "ports": {"airflow_port": 8080},
        "store_url": "file:///store",
        "tracking_url": "sqlite:////mlflow.db",
        "components": (Component(name="scheduler", id=me, log=Path("/log")),),
    }
    return StackState(**{**given, **changes})


def test_a_state_is_read_back_whole_and_is_private(tmp_path: Path) -> None:
    written = state(store_environment={"AWS_SECRET_ACCESS_KEY": SecretStr("hidden")})
    write_state(tmp_path, written)
    assert read_state(tmp_path) == written
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    assert "hidden" not in repr(written)


@pytest.mark.parametrize("content", ["", "{", '{"stack_id": "x"}'])
def test_a_damaged_file_is_no_stack(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content, encoding="utf-8")
    assert read_state(tmp_path) is None
    assert running_stack(tmp_path) is None


def test_a_stack_is_alive_as_long_as_its_components() -> None:
    assert state().alive()
    gone = Component(name="api-server", id=ProcessId(pid=os.getpid(), started=1.0), log=Path("/log"))
    assert not state(components=(*state().components, gone)).alive()
    assert not state(components=()).alive()


def test_a_run_stack_lives_no_longer_than_its_owner() -> None:
    me = ProcessId.of(os.getpid())
    assert state(mode="run", owner=me).alive()
    assert not state(mode="run", owner=ProcessId(pid=me.pid, started=1.0)).alive()
    assert not state(mode="run", owner=None).alive()


def test_a_stack_that_lost_its_owner_is_forgotten(tmp_path: Path) -> None:
    gone = Component(name="scheduler", id=ProcessId(pid=os.getpid(), started=1.0), log=Path("/log"))
    write_state(tmp_path, state(mode="run", owner=None, components=(gone,)))
    assert running_stack(tmp_path) is None
    assert read_state(tmp_path) is None


def test_a_home_is_held_by_one_command_and_freed_with_it(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from include.stack.state_directory import exclusive
with exclusive(Path({str(tmp_path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(SettingsError, match=r"another .* command is starting"), exclusive(tmp_path):
            pytest.fail("two commands held one home")
        other.kill()
    with exclusive(tmp_path):
        forget_state(tmp_path)


def test_in_a_container_the_stack_is_the_one_around_it_and_serves_every_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_state(tmp_path) is None
    for name, value in {
        "NIGHTSHIFT_DEPLOYED": "compose",
        "NIGHTSHIFT_STORE_URL": "s3://nightshift",
        "NIGHTSHIFT_TRACKING_URL": "http://mlflow:5000",
        "NIGHTSHIFT_AIRFLOW_PORT": "18080",
        "NIGHTSHIFT_NAMESPACE": "pr-1",
    }.items():
        monkeypatch.setenv(name, value)
    state = read_state(tmp_path)
    assert state is not None
    assert state.alive()
    assert (state.store_url, state.tracking_url) == ("s3://nightshift", "http://mlflow:5000")
    assert state.airflow_url == "http://127.0.0.1:18080"
    assert not list(tmp_path.iterdir())


def test_a_container_starts_and_stops_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEPLOYED", "compose")
    with pytest.raises(
        SettingsError, match=r"this container: it is part of the docker stack; hint: use \./nightshift on"
    ):
        refuse_inside()


@pytest.mark.parametrize(
    ("before", "after"), [(None, 0o700), (0o755, 0o700), (0o700, 0o700), (0o2775, 0o2770), (0o777, 0o770)]
)
def test_a_home_is_its_owners_alone_or_a_groups_on_purpose(tmp_path: Path, before: int | None, after: int) -> None:
    home = tmp_path / "home"
    if before is not None:
        home.mkdir()
        home.chmod(before)
    with exclusive(home):
        assert stat.S_IMODE(home.stat().st_mode) == after

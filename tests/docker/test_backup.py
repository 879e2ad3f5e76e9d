"""Back the docker stack up while a night runs on it, and restore it into an empty one."""

from __future__ import annotations

import json
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.operations.backup.archive import ArchiveReader
from tests.support import docker_engine
from tests.support.docker_stack import DockerStack, docker_stack

PROJECT = "telco_churn"
ASKED = (["status"], ["ledger", PROJECT], ["decision", PROJECT])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerStack]:
    if why := docker_engine.missing():
        pytest.skip(why)
    with docker_stack(tmp_path_factory.mktemp("checkout"), workers=0) as started:
        yield started


def _answers(stack: DockerStack) -> list[Any]:
    said = [stack.nightshift(*command, "--json", "--docker") for command in ASKED]
    assert [done.returncode for done in said] == [0] * len(ASKED), said
    status, *others = (json.loads(done.stdout) for done in said)
    # not since when the stack runs
    return [status["projects"], *others]


def _run_night(stack: DockerStack, ended: list[subprocess.CompletedProcess[str]]) -> None:
    ended.append(stack.nightshift("run", PROJECT, "--docker"))


def test_a_stack_that_was_lost_comes_back_as_it_was(stack: DockerStack, tmp_path: Path) -> None:
    ended: list[subprocess.CompletedProcess[str]] = []
    night = threading.Thread(target=_run_night, args=(stack, ended))
    night.start()
    during = tmp_path / "during.tar"
    while night.is_alive():
        done = stack.nightshift("backup", "--docker", "--force", str(during))
        assert done.returncode == 0, done.stderr
    night.join()
    assert ended[0].returncode == 0, ended[0].stderr
    file = tmp_path / "after.tar"
    assert stack.nightshift("backup", "--docker", str(file)).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said, held = _answers(stack), stack.objects()
    _assert_no_secret(stack, file)

    refused = stack.nightshift("restore", "--docker", str(file))
    assert refused.returncode == 2
    assert "a backup is restored into an empty stack only, and airflow has runs here; got: " in refused.stderr
    as_home = stack.nightshift("restore", str(file))
    assert as_home.returncode == 2
    assert "this is a backup of the docker stack (PostgreSQL); its databases do not fit a home" in as_home.stderr

    assert stack.nightshift("down", "--docker", "--volumes").returncode == 0
    assert stack.nightshift("up", "--docker", seconds=1500).returncode == 0
    restored = stack.nightshift("restore", "--docker", str(file))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    now = stack.objects()
    # the source delivers again what is newer
    assert {key: now[key] for key in held} == held
    assert {key.partition("/")[0] for key in now.keys() - held.keys()} <= {"landing"}
    assert _answers(stack) == said
    agreed = stack.nightshift("reconcile", PROJECT, "--docker", "--dry-run")
    assert "all agree" in agreed.stdout


def _assert_no_secret(stack: DockerStack, file: Path) -> None:
    secrets = [value.encode() for name, value in stack.env.items() if name.endswith(("PASSWORD", "SECRET", "KEY"))]
    everything = file.read_bytes()
    with ArchiveReader(file) as archive:
        for part in archive.contents.parts:
            data = archive.read(part)
            everything += _as_sql(stack, data) if part.kind == "database" else data
    assert b"CREATE TABLE public.dag_run" in everything
    assert len(secrets) > 8
    assert [secret for secret in secrets if secret in everything] == []


def _as_sql(stack: DockerStack, dump: bytes) -> bytes:
    """Return a dump as text: in the file it is compressed."""
    command = stack.compose.command("exec", "--no-TTY", "postgres", "pg_restore", "--file", "-")
    return subprocess.run(command, cwd=stack.root, input=dump, capture_output=True, check=True).stdout

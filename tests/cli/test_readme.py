"""Try the commands that README.md shows in a directory that holds nothing but the checkout's files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from include.config.settings import ROOT
from tests.support import docker_engine
from tests.support.docker_stack import copy_checkout

README = (ROOT / "README.md").read_text(encoding="utf-8")
UNKNOWN = "no decision"
# what each command says before there was any night, and its exit status
TRIED = {
    "--help": (0, "Usage: ./nightshift"),
    "check": (0, "flight_delay: valid"),
    "status": (0, "none yet"),
    "decision flight_delay": (1, UNKNOWN),
    "ledger flight_delay": (0, UNKNOWN),
    "history flight_delay": (1, UNKNOWN),
    "answer flight_delay": (2, "./nightshift up"),
    "down": (0, "nothing is running"),
    "promote flight_delay 7 --reason 'looked at by the desk'": (2, UNKNOWN),
    "rollback flight_delay --reason 'late evening flights are all wrong'": (2, "there is no champion yet"),
    "pin flight_delay --reason 'audit until Friday'": (2, "there is no champion yet"),
    "reproduce flight_delay 3": (2, UNKNOWN),
    "reconcile flight_delay": (0, "all agree"),
    "retention --dry-run": (0, "0 objects"),
}
NOT_RUNNING = "the docker stack is not running: ./nightshift up --docker"
# what each says where an engine answers, before .env was made
BEFORE_SECRETS = {
    "ps": (1, NOT_RUNNING),
    "ps --json": (1, "[]"),
    "logs worker --follow": (1, NOT_RUNNING),
    "down --docker": (0, NOT_RUNNING),
    "status --docker": (2, "it is not running; hint: ./nightshift up --docker"),
    "run --docker": (2, "it is not running; hint: ./nightshift up --docker"),
    "backup backup.tar --docker": (2, "it is not running; hint: ./nightshift up --docker"),
}
# these start a scheduler, an engine or all tests: the word by which another file of the tests calls each
ELSEWHERE = {
    "run": "tests/e2e/test_night.py",
    "up": "tests/e2e/test_night.py",
    "backfill": "tests/e2e/test_backfill.py",
    "airflow": "tests/e2e/test_backfill.py",
    "namespace": "tests/e2e/test_namespaces.py",
    "test": "tests/cli/test_ci_run.py",
    "up --docker": "tests/support/docker_stack.py",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a new checkout")
    copy_checkout(folder)
    return folder


def call(checkout: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person who has just cloned would; a stack of another checkout is none of its business."""
    environ = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    return subprocess.run(
        ["./nightshift", *shlex.split(command)],
        cwd=checkout,
        env=environ | {"NIGHTSHIFT_STACK": "nightshift-test-readme"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("command", TRIED)
def test_a_command_of_the_readme_is_answered_in_a_new_checkout(checkout: Path, command: str) -> None:
    status, words = TRIED[command]
    ended = call(checkout, command)
    assert (ended.returncode, words in ended.stdout + ended.stderr) == (status, True), ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", BEFORE_SECRETS)
def test_a_command_about_containers_is_answered_before_there_are_secrets(checkout: Path, command: str) -> None:
    assert not (checkout / ".env").exists()
    ended = call(checkout, command)
    said = ended.stdout + ended.stderr
    if docker_engine.missing():
        assert (ended.returncode, said.startswith("docker")) == (2, True), said
    else:
        status, words = BEFORE_SECRETS[command]
        assert (ended.returncode, words in said) == (status, True), said
    assert "Traceback" not in said and "variable" not in said


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    assert call(tmp_path, "secrets").returncode == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert "0 secrets made" in call(tmp_path, "secrets").stdout


def test_every_command_of_the_readme_is_tried_here_or_by_a_test_that_is_named() -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    shown = [shlex.split(line, comments=True)[1:] for line in blocks.splitlines() if line.startswith("./nightshift")]
    assert len(shown) >= 20
    tried = [shlex.split(command) for command in (*TRIED, *BEFORE_SECRETS)]
    left = [words for words in shown if words not in tried]
    untried = [words for words in left if words[0] not in ELSEWHERE]
    assert untried == []


@pytest.mark.parametrize("command", ELSEWHERE)
def test_the_test_that_is_named_calls_the_command(command: str) -> None:
    text = (ROOT / ELSEWHERE[command]).read_text(encoding="utf-8")
    assert ", ".join(f'"{word}"' for word in command.split()) in text or f"nightshift {command}" in text

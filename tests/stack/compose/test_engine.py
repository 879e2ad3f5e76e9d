"""Refuse a machine without a Docker that can run the stack, in words that help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.config.settings import ROOT
from include.domain.errors import SettingsError, StackError
from include.stack.compose.engine import DEMANDED, Compose
from include.stack.compose.env_file import SECRETS, change_env, ensure_env


def docker(folder: Path, *, compose: str = "2.26.1", engine: str = "26.1.5") -> dict[str, str]:
    """Put a program called docker, with these versions, on a PATH of its own; an empty version fails."""
    program = folder / "docker"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        f'"compose version") [ -n "{compose}" ] && echo "{compose}" || {{ echo "no such command" >&2; exit 1; }} ;;\n'
        f'"version --format") [ -n "{engine}" ] && echo "{engine}" || {{ echo "Cannot connect" >&2; exit 1; }} ;;\n'
        '*) echo "no such service: nobody" >&2; exit 3 ;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    return {"PATH": str(folder)}


def test_a_machine_without_docker_is_told_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"docker: the program is missing.*https://docs\.docker\.com"):
        Compose(tmp_path, {"PATH": str(tmp_path)}).check()


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({"compose": ""}, r"docker compose: the plugin is missing"),
        ({"compose": "2.17.3"}, r"docker compose: too old; got: 2\.17\.3; allowed: 2\.20 or newer"),
        ({"compose": "1.29.2"}, r"docker compose: too old; got: 1\.29\.2"),
        ({"engine": ""}, r"docker: no engine answers; got: Cannot connect"),
        ({"engine": "20.10.24"}, r"docker engine: too old; got: 20\.10\.24; allowed: 25\.0 or newer"),
    ],
)
def test_a_docker_that_cannot_run_the_stack_is_refused(tmp_path: Path, versions: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Compose(tmp_path, docker(tmp_path, **versions)).check()


def test_a_docker_that_can_is_taken(tmp_path: Path) -> None:
    Compose(tmp_path, docker(tmp_path, compose="v2.39.1-desktop.1", engine="28.2.2")).check()


def test_a_failed_command_says_what_compose_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)docker compose logs: it failed.*no such service: nobody"):
        Compose(tmp_path, docker(tmp_path)).output("logs", "nobody")


LOOKING = [
    ("ps", "--all", "--format", "json"),
    ("--ansi", "never", "ps", "--quiet"),
    ("--profile", "*", "logs", "--tail", "100", "run"),
    ("--ansi", "never", "--profile", "*", "down", "--remove-orphans", "--volumes"),
    ("exec", "--no-TTY", "api-server", "/opt/nightshift/nightshift", "run"),
    ("stop", "worker"),
]
MAKING = [("up", "--detach"), ("--ansi", "never", "run", "--rm", "api-server"), ("create",)]


@pytest.mark.parametrize("arguments", LOOKING)
def test_before_there_are_secrets_a_command_that_only_looks_has_every_variable(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    seen = Compose(tmp_path, {"PATH": "/bin", "ADMIN_PASSWORD": ""}).environ(arguments)
    assert all(seen.get(name) for name in DEMANDED)
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("arguments", MAKING)
def test_no_container_is_made_of_a_word_that_stands_in_for_a_secret(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    environ = {"PATH": "/bin"}
    assert Compose(tmp_path, environ).environ(arguments) == environ


def test_only_what_is_missing_is_stood_in_for(tmp_path: Path) -> None:
    ensure_env(tmp_path)
    change_env(tmp_path, {"BROKER_PASSWORD": ""})
    seen = Compose(tmp_path, {"S3_ACCESS_KEY": "mine"}).environ(("ps",), {"NIGHTSHIFT_GIT_COMMIT": "c1"})
    assert set(seen) == {"S3_ACCESS_KEY", "NIGHTSHIFT_GIT_COMMIT", "BROKER_PASSWORD", "DOCKER_GROUP"}
    assert seen["S3_ACCESS_KEY"] == "mine"


def test_whatever_the_files_demand_can_be_stood_in_for() -> None:
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("docker-compose*.yaml")]
    demanded = {name for text in texts for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*):?\?", text)}
    assert demanded == set(DEMANDED)
    assert set(SECRETS) < demanded

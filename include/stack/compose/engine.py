"""Speak with the machine's Docker engine through `docker compose`, for the stack of this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from include.config.settings import ROOT
from include.domain.errors import SettingsError, StackError
from include.stack.compose.env_file import SECRETS, read_env

# the first with `required: false` in depends_on and `start_interval` in health checks
MIN_COMPOSE = (2, 20)
MIN_ENGINE = (25, 0)
INSTALL_HINT = "install Docker Engine and its compose plugin: https://docs.docker.com/engine/install"
# of what a failed command says, the end
LAST_CHARACTERS = 1500
# compose reads the whole file for any command, and refuses it while a variable is missing; of its commands only
# these make containers of what the variables say
MAKING = frozenset({"up", "run", "create"})
# what docker-compose.yaml and docker-compose.training.yaml demand
DEMANDED = (*SECRETS, "DOCKER_GROUP")
STAND_IN = "not-made-yet"


class Compose:
    """Be the docker compose of one checkout.

    Args:
        root: The folder of docker-compose.yaml and `.env`.
        environ: What the commands see (default: this process's environment).
    """

    def __init__(self, root: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._environ = dict(os.environ if environ is None else environ)

    def check(self) -> None:
        """Refuse a machine on which the stack cannot run.

        Raises:
            SettingsError: Docker or its compose plugin is missing or too old, or no engine answers.
        """
        if shutil.which("docker", path=self._environ.get("PATH")) is None:
            raise SettingsError("docker", "the program is missing", got="not found", hint=INSTALL_HINT)
        compose = self._version(["docker", "compose", "version", "--short"])
        if compose is None:
            raise SettingsError("docker compose", "the plugin is missing", got="not found", hint=INSTALL_HINT)
        _refuse_old("docker compose", compose, MIN_COMPOSE)
        engine = self._version(["docker", "version", "--format", "{{.Server.Version}}"])
        if engine is None:
            raise SettingsError(
                "docker", "no engine answers", got=self._reason(), hint="is dockerd running, and may you use it?"
            )
        _refuse_old("docker engine", engine, MIN_ENGINE)

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> int:
        """Run a compose command in the foreground, on this terminal, and return its exit status."""
        process = subprocess.Popen(self.command(*arguments), cwd=self.root, env=self.environ(arguments, environ))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # the terminal has told the child, too: it ends in its own way
                continue

    def output(self, *arguments: str, environ: Mapping[str, str] | None = None, feed: bytes | None = None) -> str:
        """Run a compose command and return what it prints.

        Raises:
            StackError: It failed; with the end of what it said.
        """
        done = subprocess.run(
            self.command("--ansi", "never", *arguments),
            cwd=self.root,
            env=self.environ(arguments, environ),
            input=feed,
            stdin=subprocess.DEVNULL if feed is None else None,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise _failed(arguments, (done.stderr or done.stdout).decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def stream(self, *arguments: str, source: IO[bytes] | None = None, target: IO[bytes] | None = None) -> None:
        """Run a compose command that reads its input from `source`, or writes its output to `target`, as it comes.

        Raises:
            StackError: It failed; with the end of what it said.
        """
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environ(arguments),
            stdin=source if source is not None else subprocess.DEVNULL,
            stdout=target if target is not None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise _failed(arguments, done.stderr.decode(errors="replace"))

    def services(self) -> list[dict[str, Any]]:
        """Return every container of the stack: Service, Name, State, Health, ExitCode, Publishers."""
        text = self.output("ps", "--all", "--format", "json").strip()
        # one object a line, or one list, as the plugin's version has it
        found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        return list(found)

    def runs(self, service: str) -> bool:
        """Tell whether a service has a running container."""
        return any(one["Service"] == service and one["State"] == "running" for one in self.services())

    def environ(self, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables that a compose command sees.

        A command that looks, stops or removes also works before `.env` exists, or while it lacks a secret of a newer
        version: a word stands in for what is missing, which reaches no container.

        Args:
            arguments: The command and its arguments.
            more: Variables for this command alone.
        """
        known = {**read_env(self.root), **self._environ, **(more or {})}
        missing = () if _verb(arguments) in MAKING else (name for name in DEMANDED if not known.get(name))
        return {**self._environ, **(more or {}), **dict.fromkeys(missing, STAND_IN)}

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line."""
        return ["docker", "compose", *arguments]

    def _version(self, command: Sequence[str]) -> str | None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self._environ, cwd=self.root)
        self._said = (done.stderr or done.stdout).strip()
        return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else None

    def _reason(self) -> str:
        return self._said.splitlines()[-1] if self._said else "no answer"


def _refuse_old(what: str, version: str, smallest: tuple[int, int]) -> None:
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < smallest:
        needed = ".".join(str(number) for number in smallest)
        raise SettingsError(what, "too old", got=version, allowed=(f"{needed} or newer",), hint=INSTALL_HINT)


def _verb(arguments: Sequence[str]) -> str:
    """Return the command among the arguments; each option before it has a value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("--"):
            return word
        next(words, "")
    return ""


def _failed(arguments: Sequence[str], said: str) -> StackError:
    return StackError(
        f"docker compose {_verb(arguments)}", "it failed; its last words", got=f"\n{said[-LAST_CHARACTERS:].strip()}\n"
    )

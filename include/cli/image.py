"""Build and push the image that every container of the docker stack runs."""

from __future__ import annotations

import re
import shutil
import subprocess

from include.cli.console import output
from include.config.errors import SettingsError
from include.config.settings import ROOT, git_commit

DEFAULT_TAG = "nightshift:local"
# registry/path:tag; never an option of docker's
_NAME = re.compile(r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def build(tags: list[str], version: str) -> int:
    """Build the image once under every tag, with the commit and the version in its labels; return docker's status.

    Raises:
        SettingsError: A tag is none, or Docker is missing.
    """
    names = [part for tag in _checked(tags or [DEFAULT_TAG]) for part in ("--tag", tag)]
    about = {"NIGHTSHIFT_GIT_COMMIT": git_commit(), "NIGHTSHIFT_VERSION": version}
    arguments = [part for name, value in about.items() for part in ("--build-arg", f"{name}={value}")]
    return _docker("build", *names, *arguments, ".")


def push(tags: list[str]) -> int:
    """Push the image under every tag, to the registries that docker is logged in to; stop at the first failure.

    Raises:
        SettingsError: A tag is none, or Docker is missing.
    """
    for tag in _checked(tags):
        code = _docker("push", tag)
        if code:
            return code
        output().print(f"pushed {tag}", markup=False)
    return 0


def _checked(tags: list[str]) -> list[str]:
    lowered = [f"{name.lower()}:{version}" for name, _, version in (tag.rpartition(":") for tag in tags)]
    for given, tag in zip(tags, lowered, strict=True):
        if not _NAME.fullmatch(tag):
            raise SettingsError("option --tag", "not an image's name", got=repr(given), allowed=("name:version",))
    return lowered


def _docker(*arguments: str) -> int:
    if shutil.which("docker") is None:
        raise SettingsError("docker", "it is not installed", hint="https://docs.docker.com/engine/install/")
    return subprocess.run(["docker", *arguments], check=False, cwd=ROOT).returncode

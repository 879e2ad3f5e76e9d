"""The one command of CI: what it runs, in which order, with and without a Docker engine and a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from include.config.settings import ROOT

LEFT_OUT = "no Docker engine answers: the tests of the docker stack (tests/docker) are left out"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose door says what it is asked, and a machine with nothing but what a test puts on it."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "timeout"):
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    program(tmp_path / "nightshift", 'echo "nightshift $*"; [ "$1" != "$BROKEN" ]')
    program(tmp_path / "bin/id", "echo 0")
    program(tmp_path / "bin/chromium", "exit 9")
    return tmp_path


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def run(checkout: Path, broken: str = "none") -> tuple[int, list[str]]:
    environ = {**os.environ, "PATH": str(checkout / "bin"), "BROKEN": broken}
    done = subprocess.run([str(checkout / ".ci/run")], env=environ, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_without_docker_it_says_so_before_the_tests(checkout: Path) -> None:
    assert run(checkout) == (0, ["nightshift lint", LEFT_OUT, "nightshift test"])


def test_an_engine_that_does_not_answer_is_none(checkout: Path) -> None:
    program(checkout / "bin/docker", "echo no; exit 1")
    assert run(checkout) == (0, ["nightshift lint", LEFT_OUT, "nightshift test"])


def test_with_an_engine_its_tests_come_last(checkout: Path) -> None:
    program(checkout / "bin/docker", 'echo "28.0"')
    assert run(checkout) == (0, ["nightshift lint", "nightshift test", "nightshift test --docker"])


@pytest.mark.parametrize(("broken", "last"), [("lint", "nightshift lint"), ("test", "nightshift test")])
def test_what_fails_ends_it(broken: str, last: str, checkout: Path) -> None:
    program(checkout / "bin/docker", 'echo "28.0"')
    status, lines = run(checkout, broken)
    assert status == 1
    assert lines[-1] == last


@pytest.mark.parametrize(
    ("status", "told"), [(0, []), (1, ["chromium could not be installed: the tests in a browser are skipped"])]
)
def test_a_missing_browser_is_installed_where_that_is_possible(status: int, told: list[str], checkout: Path) -> None:
    (checkout / "bin/chromium").unlink()
    program(checkout / "bin/apt-get", f'echo "apt-get $*" >> "{checkout}/asked"; [ "$2" = update ] || exit {status}')
    assert run(checkout) == (0, [*told, "nightshift lint", LEFT_OUT, "nightshift test"])
    asked = (checkout / "asked").read_text(encoding="utf-8").splitlines()
    assert asked == ["apt-get -qq update", "apt-get -qq install --no-install-recommends -y chromium"]


def test_a_user_who_may_not_install_goes_on_without_a_browser(checkout: Path) -> None:
    (checkout / "bin/chromium").unlink()
    program(checkout / "bin/id", "echo 1000")
    program(checkout / "bin/apt-get", f'touch "{checkout}/asked"')
    assert run(checkout)[0] == 0
    assert not (checkout / "asked").exists()

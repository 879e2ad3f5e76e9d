"""The linters of what only runs elsewhere find what they are there for, and need no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from include.cli import tools
from include.config.settings import ROOT

Lint = Callable[[], int]
GOOD = """name: x
on: {push: {branches: [main]}}
permissions: {}
concurrency: {group: x, cancel-in-progress: true}
jobs:
  a:
    name: a
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - run: ./nightshift lint
"""


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Return what lints an empty folder by the linters that are given files."""
    monkeypatch.setattr(tools, "ROOT", tmp_path)
    monkeypatch.setattr(tools, "LINTERS", tuple(each for each in tools.LINTERS if each.files))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    return tools.run_lint


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def test_nothing_to_look_at_is_no_finding(lint: Lint, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint() == 0
    assert capsys.readouterr().err == ""


def test_sound_files_pass(lint: Lint, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, ".github/workflows/good.yml", GOOD)
    write(tmp_path, "docker-compose.yaml", "services: {a: {image: 'postgres:17'}}\n")
    write(tmp_path, "nightshift", '#!/bin/sh\necho "$1"\n')
    write(tmp_path, "Dockerfile", 'FROM debian:12\nCMD ["true"]\n')
    assert lint() == 0
    shown = capfd.readouterr().err
    assert all(name in shown for name in ("check-jsonschema", "zizmor", "shellcheck", "hadolint"))


@pytest.mark.parametrize(
    ("path", "text", "program", "told"),
    [
        (".github/workflows/a.yml", GOOD.replace("runs-on", "run-on"), "check-jsonschema", "run-on"),
        (
            ".github/workflows/a.yml",
            GOOD.replace("./nightshift lint", 'echo "${{ github.event.pull_request.title }}"'),
            "zizmor",
            "template-injection",
        ),
        (".github/workflows/a.yml", GOOD.replace("push: {branches: [main]}", "pull_request_target: {}"), "zizmor", ""),
        ("docker-compose.yaml", "services: {a: {imge: postgres}}\n", "check-jsonschema", "imge"),
        ("nightshift", "#!/bin/sh\nrm -rf $1\n", "shellcheck", "SC2086"),
        ("docker/postgres/databases.sh", "#!/bin/sh\ncd /data\nrm -rf x\n", "shellcheck", "SC2164"),
    ],
)
def test_a_mistake_is_found_by_the_program_that_knows_it(
    path: str, text: str, program: str, told: str, lint: Lint, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, path, text)
    assert lint() == 1
    shown = capfd.readouterr()
    assert shown.err.rstrip().splitlines()[-1].startswith(f"failed: {program}")
    assert told in shown.out + shown.err


@pytest.mark.skipif(not (ROOT / ".venv/bin/hadolint").exists(), reason="hadolint is not made for this machine")
def test_a_mistake_in_the_image_is_found(lint: Lint, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "Dockerfile", "FROM debian\nRUN cd /x && ls\n")
    assert lint() == 1
    assert "DL3006" in capfd.readouterr().out


def test_a_program_that_is_not_made_for_this_machine_is_left_out_and_named(
    lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "Dockerfile", "FROM debian\n")
    # an environment without any of the programs
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "bin" / "python"))
    assert lint() == 0
    assert capsys.readouterr().err == "hadolint: left out, its package is not made for this machine\n"


def test_every_file_of_the_checkout_is_looked_at() -> None:
    looked_at = {path for linter in tools.LINTERS for pattern in linter.files for path in ROOT.glob(pattern)}
    shell = {ROOT / "nightshift", ROOT / ".ci/run", *ROOT.glob("docker/**/*.sh")}
    assert shell <= looked_at
    assert set(ROOT.glob(".github/workflows/*")) <= looked_at
    assert len(looked_at) >= 5

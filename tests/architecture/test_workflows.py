"""The workflows of GitHub Actions: thin, bounded, with the least rights, and deaf to what a pull request says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from include.cli.app import app
from tests.architecture.sources import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
# what GitHub's own programs do better: the registry's log-in, the release
OTHER_PROGRAMS = re.compile(r"printf |git worktree add|mkdir -p |docker (login|logout)|gh release create")
# every kill and race there is, while nobody waits
LONGEST_MINUTES = {"nightly": 120}
WRITES = {
    ("release", "image"): {"packages"},
    ("release", "release"): {"contents"},
    ("project-night", "comment"): {"pull-requests"},
}


def read(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path.stem, name, job


JOBS = list(jobs())
NAMES = [f"{workflow}-{job}" for workflow, job, _ in JOBS]


def scripts(job: dict[str, Any]) -> list[str]:
    return [line.strip() for each in job["steps"] for line in each.get("run", "").splitlines() if line.strip()]


def test_there_are_the_four_of_them() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "nightly", "project-night", "release"]


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=NAMES)
def test_each_step_calls_the_door(workflow: str, name: str, job: dict[str, Any]) -> None:
    commands: dict[str, object] = get_command(app).commands

    for script in scripts(job):
        called = re.findall(r"(?:\./|/)nightshift\"? ([a-z-]+)", script)
        assert called or OTHER_PROGRAMS.match(script), script
        assert set(called) <= {*commands}, script


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=NAMES)
def test_no_expression_stands_in_a_shell_script(workflow: str, name: str, job: dict[str, Any]) -> None:
    assert [script for script in scripts(job) if "${{" in script] == []


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=NAMES)
def test_a_job_may_do_the_least_and_ends_by_itself(workflow: str, name: str, job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= LONGEST_MINUTES.get(workflow, 60)
    writes = {right for right, level in job["permissions"].items() if level == "write"}
    assert writes == WRITES.get((workflow, name), set())


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=NAMES)
def test_actions_are_github_s_own_at_a_commit(workflow: str, name: str, job: dict[str, Any]) -> None:
    used = [each["uses"] for each in job["steps"] if "uses" in each]
    assert used
    assert [each for each in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_has_rights_beside_its_jobs_or_runs_a_fork_with_secrets(path: Path) -> None:
    found = read(path)
    # YAML reads the key `on` as true
    assert "pull_request_target" not in found[True]
    assert found["permissions"] == {}
    assert found["concurrency"]["group"]
    assert found["defaults"] == {"run": {"shell": "bash"}}


def test_only_the_base_s_code_runs_with_the_right_to_comment() -> None:
    job = read(ROOT / ".github/workflows/project-night.yml")["jobs"]["comment"]
    checkouts = [each["with"]["ref"] for each in job["steps"] if each.get("uses", "").startswith("actions/checkout@")]
    assert checkouts == ["${{ github.event.pull_request.base.sha }}"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]

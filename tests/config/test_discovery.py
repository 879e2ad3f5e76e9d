"""Projects are found by folder, and a folder that only looks like a project is noticed."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from include.config.check import check_projects
from include.config.discovery import discover, load_project, read_project
from include.config.errors import SettingsError, UnknownProjectError
from include.config.project import Project
from include.config.settings import ROOT
from tests.config.broken_declarations import GOOD_DECLARATION, write_good


def test_a_good_declaration_loads_with_its_name_and_defaults(tmp_path: Path) -> None:
    project = read_project(write_good(tmp_path / "late_flights"))

    assert (project.name, project.folder) == ("late_flights", tmp_path / "late_flights")
    assert project.features.names == ("distance", "dep_hour", "carrier", "origin")
    assert project.window.days == 28
    assert project.quality.max_rejected_fraction == 0.02
    assert project.candidate("trees").search is not None
    assert [gate.kind for gate in project.gates] == ["minimum", "beats_baseline", "leak_alarm"]


def test_a_declaration_is_frozen(tmp_path: Path) -> None:
    project = read_project(write_good(tmp_path / "late_flights"))

    with pytest.raises(ValidationError, match="Instance is frozen"):
        project.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Instance is frozen"):
        project.window.days = 1  # type: ignore[misc]


def test_a_project_object_cannot_contradict_itself(tmp_path: Path) -> None:
    project = read_project(write_good(tmp_path / "late_flights"))
    values = project.model_dump()
    values["features"] = {"numeric": ["dep_time"]}

    with pytest.raises(ValidationError, match="not known when the prediction is made"):
        Project.model_validate(values)


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        (
            "notes",
            {"project.yml": GOOD_DECLARATION},
            "notes/project.yaml: the file is missing, so the folder is no project; hint: rename project.yml to "
            "project.yaml",
        ),
        (
            "scraps",
            {"features.py": ""},
            "scraps/project.yaml: the file is missing, so the folder is no project; hint: write its project.yaml, or "
            "move the folder away",
        ),
    ],
)
def test_a_folder_without_a_declaration_is_noticed(
    tmp_path: Path, name: str, files: dict[str, str], message: str
) -> None:
    (tmp_path / name).mkdir()
    for file, text in files.items():
        (tmp_path / name / file).write_text(text)

    found = discover(tmp_path)

    assert [str(problem) for problem in found.broken[name]] == [message]


def test_a_folder_name_that_is_no_project_name_is_refused_beside_the_other_problems(tmp_path: Path) -> None:
    folder = write_good(tmp_path / "Late-Flights")
    (folder / "README.md").unlink()

    problems = discover(tmp_path).broken["Late-Flights"]

    assert [str(problem) for problem in problems] == [
        "Late-Flights/: the folder's name is the project's name: 2 to 50 lower-case letters, digits and _, a letter "
        "first; got: Late-Flights; allowed: ^[a-z][a-z0-9_]{1,49}$",
        "Late-Flights/README.md: the file is missing; hint: it is shown on the project's page in Airflow",
    ]


def test_folders_without_code_and_private_folders_are_no_projects(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.py").write_text("")
    (tmp_path / "project.schema.json").write_text("{}")

    found = discover(tmp_path)

    assert (found.projects, found.broken) == ({}, {})


def test_a_declaration_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    folder = write_good(tmp_path / "late_flights")
    (folder / "project.yaml").write_bytes(b"owner: \xff\xfe")

    problems = discover(tmp_path).broken["late_flights"]

    assert [str(problem) for problem in problems] == ["late_flights/project.yaml: cannot be read; got: not UTF-8"]


def test_an_unknown_project_is_named_with_the_known_ones(tmp_path: Path) -> None:
    write_good(tmp_path / "late_flights")

    with pytest.raises(UnknownProjectError) as loaded:
        load_project(tmp_path, "late_flight")
    with pytest.raises(UnknownProjectError) as checked:
        check_projects(tmp_path, "late_flight")

    expected = (
        f"{tmp_path}: no such project; got: 'late_flight'; allowed: late_flights; hint: Did you mean 'late_flights'?"
    )
    assert str(loaded.value) == str(checked.value) == expected


def test_a_missing_projects_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        check_projects(tmp_path / "nowhere")

    assert str(caught.value) == (
        f"the projects folder: it does not exist; got: {tmp_path}/nowhere; hint: set NIGHTSHIFT_PROJECTS to it"
    )


@pytest.mark.parametrize("levels", [31, 200_000])
def test_a_deeply_nested_declaration_is_refused_and_ends_no_process(tmp_path: Path, levels: int) -> None:
    folder = write_good(tmp_path / "late_flights")
    (folder / "project.yaml").write_text(f"owner: {'[' * levels}{']' * levels}")

    problems = discover(tmp_path).broken["late_flights"]

    assert [str(problem) for problem in problems] == [
        "late_flights/project.yaml:1: nested too deeply; got: 31 levels; allowed: at most 30 levels"
    ]


def test_no_garbled_declaration_escapes_as_another_error(tmp_path: Path) -> None:
    folder = write_good(tmp_path / "late_flights")
    rng = random.Random(20130101)
    tokens = re.findall(r"\s+|[^\s]+", GOOD_DECLARATION)
    spare = [
        "{}",
        "[]",
        "null",
        "- ",
        "1e999",
        ".nan",
        "yes",
        "{1: 2}",
        "2013-01-01",
        "'",
        "\t",
        "!!set {a}",
        "? [a]",
        "{2013-01-01: a}",
        "!!binary aGk=",
        "&a",
        "*a",
        "<<: {a: b}",
    ]
    refused = 0
    for _ in range(600):
        garbled = list(tokens)
        for _ in range(rng.randint(1, 3)):
            garbled[rng.randrange(len(garbled))] = rng.choice([*spare, *tokens])
        (folder / "project.yaml").write_text("".join(garbled), encoding="utf-8")
        found = discover(tmp_path)
        refused += len(found.broken)
        assert all(problem.where.startswith("late_flights/") for problem in found.broken.get("late_flights", ()))
    assert refused > 400


def test_the_projects_of_this_checkout_are_valid() -> None:
    checked = check_projects(ROOT / "include" / "projects")

    assert checked, "there must be projects to check"
    assert [str(problem) for problems in checked.values() for problem in problems] == []

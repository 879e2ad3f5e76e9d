"""Projects are found by folder, and a folder that only looks like a project is noticed."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from include.cli.check import check_projects
from include.config import discovery
from include.config.discovery import discover, load_project, read_project
from include.config.gates_in_force import gates_in_force, is_off
from include.config.project import Project
from include.config.settings import ROOT
from include.domain.errors import DeclarationError, Problem, SettingsError, UnknownProjectError
from tests.config.broken_declarations import GOOD_DECLARATION, write_good


def test_a_good_declaration_loads_with_its_name_and_defaults(tmp_path: Path) -> None:
    project = read_project(write_good(tmp_path / "late_flights"))

    assert (project.name, project.folder) == ("late_flights", tmp_path / "late_flights")
    assert project.features.names == ("distance", "dep_hour", "carrier", "origin")
    assert project.window.days == 28
    assert project.quality.max_rejected_fraction == 0.02
    assert project.candidate("trees").search is not None
    assert [gate.kind for gate in project.gates] == ["minimum", "beats_baseline", "leak_alarm"]


def test_a_gate_is_switched_off_by_the_bare_word(tmp_path: Path) -> None:
    folder = write_good(tmp_path / "late_flights")
    line = '  - {kind: memory, off: true, because: "only scored in batches on a large machine"}\n'
    text = GOOD_DECLARATION.replace("gates:\n", f"gates:\n{line}")
    (folder / "project.yaml").write_text(text, encoding="utf-8")

    project = read_project(folder)

    assert [gate.kind for gate in project.gates if is_off(gate)] == ["memory"]
    assert "memory" not in [gate.kind for gate in gates_in_force(project)]


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


SPOILED: dict[str, Callable[[Path], object]] = {
    "not UTF-8": lambda path: path.write_bytes("Prüfung".encode("latin-1")),
    "UTF-16": lambda path: path.write_bytes("owner".encode("utf-16")),
    "zero bytes": lambda path: path.write_bytes(b"a\0b"),
    "empty": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link that leads nowhere": lambda path: path.symlink_to("gone"),
    "a pipe": os.mkfifo,
    "too large": lambda path: path.write_bytes(b"# " + b"a" * 600_000),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("name", ["project.yaml", "README.md", "features.py", "expectations.py", "behaviour.py"])
def test_whatever_a_file_of_a_folder_is_it_breaks_that_project_alone(
    tmp_path: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    write_good(tmp_path / "good")
    path = write_good(tmp_path / "spoiled") / name
    path.unlink(missing_ok=True)
    spoil(path)
    if name == "behaviour.py" and not os.path.lexists(path):
        return

    found = discover(tmp_path)

    assert set(found.projects) == {"good"}
    assert all(str(problem).startswith(f"spoiled/{name}") for problem in found.broken["spoiled"])
    assert check_projects(tmp_path)["spoiled"] == found.broken["spoiled"]


@pytest.mark.parametrize("name", ["project.yaml", "README.md", "features.py"])
@pytest.mark.parametrize("change", [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n")])
def test_files_of_other_editors_are_read(tmp_path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    path = write_good(tmp_path / "good") / name
    path.write_bytes(change(path.read_bytes()))
    assert set(discover(tmp_path).projects) == {"good"}


def test_a_control_character_in_a_declaration_is_refused(tmp_path: Path) -> None:
    path = write_good(tmp_path / "shop") / "project.yaml"
    path.write_text(path.read_text().replace("tags: [travel]", 'tags: ["tra\\0vel"]'))
    (problem,) = discover(tmp_path).broken["shop"]
    assert str(problem) == r"shop/project.yaml:7: tags[0]: holds a control character; got: 'tra\x00vel'"


def test_a_folder_whose_name_is_no_text_is_named_all_the_same(tmp_path: Path) -> None:
    write_good(tmp_path / "good")
    write_good(tmp_path / os.fsdecode(b"caf\xe9"))
    found = discover(tmp_path)
    (name,) = found.broken
    assert set(found.projects) == {"good"}
    assert "\n".join(map(str, found.broken[name])).encode()
    assert set(check_projects(tmp_path)) == {name, "good"}


def test_any_exception_while_a_folder_is_read_is_its_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_good(tmp_path / "good")
    folder = write_good(tmp_path / "strange")
    real = discovery.folder_problems

    def fail(examined: Path) -> list[Problem]:
        if examined == folder:
            raise RecursionError("too deep")
        return real(examined)

    monkeypatch.setattr(discovery, "folder_problems", fail)
    found = discover(tmp_path)
    assert set(found.projects) == {"good"}
    assert [str(problem) for problem in found.broken["strange"]] == [
        "strange/: cannot be read; got: RecursionError: too deep"
    ]


def _append(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_append("project.yaml", "sede: 3\n"), "unknown key"),
        (_append("features.py", "def broken(:\n"), "not valid Python"),
        (_append("expectations.py", "import include.stages\n"), "imports a part of the pipeline"),
        (_append("behaviour.py", "x = 1\n"), "defines no function build_behaviour"),
        (lambda folder: (folder / "README.md").unlink(), "the file is missing"),
        (lambda folder: (folder / "README.md").write_text(" \n"), "the file is empty"),
    ],
)
def test_a_project_is_read_once_while_its_files_say_the_same(
    tmp_path: Path, change: Callable[[Path], None], told: str
) -> None:
    folder = write_good(tmp_path / "late_flights")
    project = read_project(folder)
    assert read_project(folder) is project
    saved = {path: path.read_bytes() for path in folder.iterdir()}

    change(folder)
    for _ in range(2):
        with pytest.raises(DeclarationError, match=told):
            read_project(folder)
    assert set(discover(tmp_path).broken) == {"late_flights"}

    for path in folder.iterdir():
        if path not in saved:
            path.unlink()
    for path, data in saved.items():
        path.write_bytes(data)
    assert read_project(folder) == project


def test_a_change_is_seen_though_size_and_time_of_the_file_stay(tmp_path: Path) -> None:
    folder = write_good(tmp_path / "late_flights")
    path = folder / "project.yaml"
    before, kept = read_project(folder), path.stat()
    text = path.read_text(encoding="utf-8")
    assert "days: 28" in text
    path.write_text(text.replace("days: 28", "days: 29"), encoding="utf-8")
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert (before.window.days, read_project(folder).window.days) == (28, 29)


def test_a_link_to_another_folder_of_the_same_content_is_another_project(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_good(tmp_path / "elsewhere" / name)
    link = tmp_path / "late_flights"
    for name in ("one", "two"):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / "elsewhere" / name)
        assert read_project(link).folder == (tmp_path / "elsewhere" / name).resolve()


def test_one_project_is_loaded_without_reading_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second", "third"):
        write_good(tmp_path / name)
    read: list[str] = []
    real = discovery.read_project
    monkeypatch.setattr(discovery, "read_project", lambda folder: (read.append(folder.name), real(folder))[1])
    assert load_project(tmp_path, "second").name == "second"
    assert read == ["second"]


@pytest.mark.parametrize("name", ["", ".", "..", "Second", "second/", "../second", "project.yaml", "_hidden", "empty"])
def test_a_name_that_is_no_folder_here_is_unknown(tmp_path: Path, name: str) -> None:
    write_good(tmp_path / "second")
    write_good(tmp_path / "_hidden")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownProjectError) as raised:
        load_project(tmp_path, name)
    assert raised.value.problem.allowed == ("second",)


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("import include.io.keys", True),
        ("import include . io", True),
        ("from include import stages", True),
        ("import include", True),
        ("import include.configuration", True),
        ("if True:\n    from include.ml import metrics", True),
        ("import \N{FULLWIDTH LATIN SMALL LETTER I}nclude.io", True),
        ("from include.config.behaviour import Invariance", False),
        ("from include import config", False),
        ("import included", False),
        ("# include.stages is not imported", False),
    ],
)
def test_an_import_of_another_part_of_ours_is_found_however_it_is_written(
    tmp_path: Path, line: str, refused: bool
) -> None:
    folder = write_good(tmp_path / "late_flights")
    _append("features.py", f"\n{line}\n")(folder)
    found = [str(problem) for problem in discover(tmp_path).broken.get("late_flights", ())]
    assert [("imports a part of the pipeline" in problem) for problem in found] == [True] * refused

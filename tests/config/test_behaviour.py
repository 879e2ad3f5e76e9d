"""Tests of behaviour are checked when they are declared, and their file before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.config.behaviour import Directional, Invariance
from include.config.discovery import read_project
from include.config.project_code import behaviour_fingerprint, has_behaviour
from include.domain.errors import DeclarationError, ProjectCodeError
from tests.config.good_declaration import write_good

GATE = "gates:\n  - kind: behaviour\n"
TESTS = "def build_behaviour():\n    return []\n"


def problems(folder: Path) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read_project(folder)
    return [str(problem) for problem in caught.value.problems]


def declared(folder: Path, behaviour: str | None) -> Path:
    """Return a good project that declares the gate, with this `behaviour.py`."""
    written = write_good(folder) / "project.yaml"
    written.write_text(written.read_text().replace("gates:\n", GATE))
    if behaviour is not None:
        (folder / "behaviour.py").write_text(behaviour)
    return folder


def test_a_gate_of_behaviour_needs_tests_of_behaviour(tmp_path: Path) -> None:
    assert problems(declared(tmp_path / "late", None)) == [
        "late/project.yaml:50: gates[0].kind: there is no behaviour.py, so this gate would let nothing pass; "
        "got: behaviour; hint: write one (docs/add-a-project.md), or remove the gate"
    ]
    project = read_project(declared(tmp_path / "later", TESTS))
    assert project.gates[0].kind == "behaviour"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def behaviours():\n    return []\n",
            "late/behaviour.py: defines no function build_behaviour; got: behaviours; allowed: build_behaviour(); ",
        ),
        (
            "def build_behaviour(rows):\n    return []\n",
            "late/behaviour.py:1: build_behaviour must take 0 positional arguments; got: build_behaviour(rows); ",
        ),
        (
            "from include.ml import metrics\ndef build_behaviour():\n    return []\n",
            "late/behaviour.py:1: imports a part of the pipeline; got: include.ml; allowed: include.config; ",
        ),
        ("def build_behaviour()\n", "late/behaviour.py:1: not valid Python; got: expected ':'"),
    ],
)
def test_the_file_is_looked_at_before_it_is_run(tmp_path: Path, text: str, message: str) -> None:
    (found,) = problems(declared(tmp_path / "late", text))
    assert found.startswith(message)


def test_the_fingerprint_tells_other_tests(tmp_path: Path) -> None:
    project = read_project(write_good(tmp_path / "late"))
    assert (has_behaviour(project), behaviour_fingerprint(project)) == (False, "")
    file = project.folder / "behaviour.py"
    file.write_text(TESTS)
    first = behaviour_fingerprint(project)
    assert has_behaviour(project)
    file.write_text(TESTS + "MORE = 1\n")
    assert len({first, behaviour_fingerprint(project), ""}) == 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Invariance("", len), "a test's name: it says what the test demands; got: ''"),
        (lambda: Invariance("a", None), "the test 'a': change is a function of a frame; got: None"),  # type: ignore[arg-type]
        (lambda: Invariance("a", len, share=0), "the test 'a': share is above 0 and at most 1; got: 0"),
        (lambda: Invariance("a", len, share=1.1), "the test 'a': share is above 0 and at most 1; got: 1.1"),
        (
            lambda: Invariance("a", len, tolerance=-1),
            "the test 'a': tolerance is between 0 and 1, as scores are; got: -1",
        ),
        (lambda: Directional("a", len, "up", by=2), "the test 'a': by is between 0 and 1, as scores are; got: 2"),
        (
            lambda: Directional("a", len, "higher"),  # type: ignore[arg-type]
            "the test 'a': expected is one of two words; got: higher; allowed: down, up",
        ),
    ],
)
def test_a_test_that_says_nothing_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ProjectCodeError) as caught:
        build()
    assert str(caught.value) == message

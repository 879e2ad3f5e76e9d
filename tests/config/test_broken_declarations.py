"""Every broken declaration gives its whole message, alone and among all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.cli.check import check_projects
from include.config.discovery import discover, read_project
from include.domain.errors import DeclarationError
from tests.config.broken_declarations import BROKEN, Broken, write_all, write_broken


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_broken_declaration_says_all_that_is_wrong(tmp_path: Path, case: Broken) -> None:
    folder = write_broken(tmp_path, case)

    with pytest.raises(DeclarationError) as caught:
        read_project(folder)

    assert tuple(str(problem) for problem in caught.value.problems) == case.messages
    assert str(caught.value) == "\n".join(case.messages)


def test_the_names_of_the_table_are_project_names_and_differ() -> None:
    assert len({case.name for case in BROKEN}) == len(BROKEN) >= 30


def test_all_problems_of_all_projects_are_listed_at_once(tmp_path: Path) -> None:
    write_all(tmp_path)

    checked = check_projects(tmp_path)

    assert {name: tuple(map(str, problems)) for name, problems in checked.items() if problems} == {
        case.name: case.messages for case in BROKEN
    }
    assert checked["a_good_one"] == ()


def test_a_broken_project_hides_no_good_one(tmp_path: Path) -> None:
    write_all(tmp_path)

    found = discover(tmp_path)

    assert list(found.projects) == ["a_good_one"]
    assert found.broken == {name: problems for name, problems in check_projects(tmp_path).items() if problems}

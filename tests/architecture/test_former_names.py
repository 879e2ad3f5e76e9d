"""Check that what older programs import is still there, the same thing under a former name, which ours do not use."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.architecture.sources import python_files

FORMER = {
    "include.config.errors": ("NightshiftError", "include.domain.errors", "NightshiftError"),
    "include.config.results": ("PlanInputs", "include.domain.results", "PlanInputs"),
    "include.operations.acts": ("Act", "include.operations.manual_action", "ManualAction"),
    "include.operations.promotion": ("promote_version", "include.operations.champion", "promote_version"),
}


@pytest.mark.parametrize("former", FORMER)
def test_a_former_name_is_the_same_thing(former: str) -> None:
    name, place, now = FORMER[former]
    assert getattr(import_module(former), name) is getattr(import_module(place), now)


def test_our_own_code_uses_the_new_names() -> None:
    used = re.compile(rf"^\s*(from|import) ({'|'.join(map(re.escape, FORMER))})\b", re.MULTILINE)
    assert [path for path in python_files("include", "dags", "plugins") if used.search(path.read_text())] == []

"""Check that what the docs say about places in the code is true: each path they name is there, each room is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.config.settings import ROOT

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACE = re.compile(r"`((?:include|tests|benchmarks|dags|plugins)/[A-Za-z0-9_./-]+)`")


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_place_that_a_page_names_is_there(page: Path) -> None:
    named = PLACE.findall(page.read_text(encoding="utf-8"))
    # a key of the store or a placeholder is no place of the checkout
    assert [place for place in named if "<" not in place and not (ROOT / place).exists()] == []


def test_the_map_of_rooms_names_every_room() -> None:
    shown = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    rooms = sorted(path.parent.name for path in (ROOT / "include").glob("*/__init__.py"))
    assert [room for room in rooms if f"`include/{room}`" not in shown] == []

"""Give every test each project that a demo source serves, with one day of data."""

from __future__ import annotations

import pytest

from include.config.discovery import project_folders
from include.demo_feed.feed import FEEDS
from tests.projects.delivered import DAY, PROJECTS, Delivered

NAMES = [folder.name for folder in project_folders(PROJECTS)]


@pytest.fixture(scope="session", params=[name for name in NAMES if name in FEEDS])
def delivered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Return a project with `DAY` and the days it looks back to delivered."""
    return Delivered.into(tmp_path_factory.mktemp(request.param), request.param).load(DAY, DAY)

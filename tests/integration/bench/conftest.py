"""Prepare each project's days and its champion once; every candidate gets a copy of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.stages.evaluate import documents
from tests.support.bench.ground import GROUNDS
from tests.support.bench.house import House
from tests.support.bench.trial import Champion, Trial, judge
from tests.support.tracking import copy_prepared


@pytest.fixture(autouse=True)
def few_rows_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw importance from few rows: no verdict looks at it."""
    monkeypatch.setattr(documents, "IMPORTANCE_ROWS", 200)


@pytest.fixture(scope="module")
def with_champion(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path
) -> House:
    """Return the house of the module's `PROJECT` with prepared days and a champion, never to be used."""
    ground = GROUNDS[request.module.PROJECT]
    folder = tmp_path_factory.mktemp(ground.name)
    copy_prepared(prepared_tracking, folder)
    house = House(ground, folder)
    house.prepare()
    outcome = judge(house, Trial(house.project(), (house.train_champion(),), ground.champion_day))
    assert outcome.decision.verdict == "PROMOTE"
    assert outcome.champion == Champion("1", "1", "1")
    return house


@pytest.fixture
def house(with_champion: House, tmp_path: Path) -> House:
    """Return a copy of the house for one candidate."""
    return with_champion.copy(tmp_path)

"""Give the tests of acts four nights that were played and a person who asks, and those of retention older nights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from include.domain.results import Origin
from include.operations.manual_action import ManualAction
from tests.operations.aged import Aged, later, make_aged
from tests.support.model_nights import Nights


@pytest.fixture
def nights(played_nights: Nights) -> Nights:
    """Return a copy of the four nights."""
    return played_nights


@pytest.fixture
def act(nights: Nights) -> Callable[..., ManualAction]:
    """Return a maker of acts of ada's; each has a run of its own unless told otherwise."""
    made: list[ManualAction] = []

    def make(reason: str = "because", **origin: Any) -> ManualAction:
        fields = {"run_id": f"local-{len(made)}", "triggered_by": "ada", **origin}
        made.append(ManualAction(nights.store, nights.tracking_url, "parcels", reason, Origin(**fields)))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def aged_once(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Aged:
    """Return the old nights, with a copy to put back; never to be used alone."""
    return make_aged(tmp_path_factory.mktemp("aged"), prepared_tracking)


@pytest.fixture
def aged(aged_once: Aged, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    """Return six nights, two days later: versions 1 to 3 were champions, the newest two judged are 5 and 6."""
    later(monkeypatch)
    yield aged_once.nights
    aged_once.put_back()

"""Give the tests of acts four nights that were played, and a person who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.config.results import Origin
from include.operations.acts import Act
from tests.support.model_nights import Nights


@pytest.fixture
def nights(played_nights: Nights) -> Nights:
    """Return a copy of the four nights."""
    return played_nights


@pytest.fixture
def act(nights: Nights) -> Callable[..., Act]:
    """Return a maker of acts of ada's; each has a run of its own unless told otherwise."""
    made: list[Act] = []

    def make(reason: str = "because", **origin: Any) -> Act:
        fields = {"run_id": f"local-{len(made)}", "triggered_by": "ada", **origin}
        made.append(Act(nights.store, nights.tracking_url, "parcels", reason, Origin(**fields)))
        return made[-1]

    return make

"""Make the entries, manifests and frames that the tests of this folder write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from include.domain.decision import LedgerEntry
from include.domain.results import Origin
from include.io.manifests import Manifest

MADE_AT = datetime(2013, 5, 1, 4, 0, tzinfo=UTC)
ORIGIN = Origin(run_id="manual__2013-05-01")


@pytest.fixture
def make_entry() -> Callable[..., LedgerEntry]:
    """Return a maker of ledger entries: a promotion of 1 May unless told otherwise."""

    def make(number: int, **changes: Any) -> LedgerEntry:
        fields = {
            "number": number,
            "kind": "promotion",
            "project": "flights",
            "as_of": date(2013, 5, 1),
            "made_at": MADE_AT,
            "verdict": "PROMOTE",
            "reason": "better",
            "decision_id": f"d{number}",
            "decision_uri": "",
            "candidate": "xgb",
            "candidate_id": "c1",
            "origin": ORIGIN,
        }
        return LedgerEntry.model_validate({**fields, **changes})

    return make


@pytest.fixture
def make_manifest() -> Callable[..., Manifest]:
    """Return a maker of manifests without files."""

    def make(**changes: Any) -> Manifest:
        fields = {
            "kind": "release",
            "project": "flights",
            "fingerprint": "f" * 64,
            "files": {},
            "origin": ORIGIN,
            "made_at": MADE_AT,
        }
        return Manifest.model_validate({**fields, **changes})

    return make

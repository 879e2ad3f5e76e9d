"""Play four nights once, and give each test a copy of what they left: two champions, a HOLD and a REJECT."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.decision import LedgerEntry
from include.domain.errors import CandidateRejectedError
from include.io.ledger import Ledger
from include.io.releases import read_pointer
from include.io.tracking import Tracking
from tests.support.model_nights import DECLARATION, FIRST, NO_PROCESS, Nights, make_project
from tests.support.tracking import copy_prepared

DAY = FIRST + timedelta(days=20)
WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
STRONG = [{"name": "linear", "estimator": "logistic_regression"}]
LAX: list[dict[str, Any]] = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]
STRICT: list[dict[str, Any]] = [
    {"kind": "minimum", "metric": "roc_auc", "value": 0.999},
    {"kind": "leak_alarm", "metric": "roc_auc", "above": 1.0},
    *NO_PROCESS,
]


def day(number: int) -> Any:
    """Return the as-of day of night `number`: 1 to 4 are played."""
    return DAY + timedelta(days=number - 1)


def in_force(nights: Nights) -> tuple[str, str, str | None]:
    """Return the champion by the ledger, by the release pointer and by MLflow's alias."""
    entry, pointer = Ledger(nights.store, "parcels").champion(), read_pointer(nights.store, "parcels")
    assert entry is not None and pointer is not None
    alias = Tracking(nights.tracking_url, "parcels", "file:///unused").version_of_alias("champion")
    assert pointer.ledger_number == entry.number
    return entry.version, pointer.version, alias


def entries(nights: Nights) -> list[LedgerEntry]:
    """Return the whole ledger."""
    return Ledger(nights.store, "parcels").entries()


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Path:
    """Return the folder of four nights: version 1 PROMOTE, 2 PROMOTE (better), 3 HOLD, 4 REJECT; never to be used."""
    folder = tmp_path_factory.mktemp("played")
    copy_prepared(prepared_tracking, folder)
    nights = Nights(folder, make_project(folder, candidates=WEAK, gates=LAX))
    assert nights.night(day(1)).verdict == "PROMOTE"
    nights.project = make_project(folder, candidates=STRONG, gates=LAX)
    assert nights.night(day(2)).verdict == "PROMOTE"
    nights.project = make_project(folder, candidates=STRONG, gates=LAX, promotion={"mode": "hold"})
    assert nights.night(day(3)).verdict == "HOLD"
    nights.project = make_project(folder, candidates=STRONG, gates=STRICT)
    with pytest.raises(CandidateRejectedError):
        nights.night(day(4))
    return folder


def declare(nights: Nights, projects_dir: Path) -> None:
    """Write the nights' project as a folder, for what finds projects by their folders."""
    folder = projects_dir / nights.project.name
    folder.mkdir(parents=True)
    declared = {key: value for key, value in DECLARATION.items() if key != "name"}
    # JSON is YAML
    (folder / "project.yaml").write_text(json.dumps({**declared, "candidates": STRONG, "gates": LAX}))
    (folder / "features.py").write_text("def build_features(raw, history):\n    return raw\n")
    (folder / "expectations.py").write_text("def build_suite():\n    return []\n")
    (folder / "README.md").write_text("# parcels\n\nWhich arrive late.\n")


@pytest.fixture
def played_nights(played: Path, tmp_path: Path) -> Nights:
    """Return a copy of the four nights; the next one would train a strong candidate under lax gates."""
    folder = tmp_path / "nights"
    shutil.copytree(played, folder)
    return Nights(folder, make_project(folder, candidates=STRONG, gates=LAX))

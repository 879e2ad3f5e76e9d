"""Run whole retrain and score Dags in one process, with the real stages, on real data, over a short window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sklearn.metrics import roc_auc_score

from include.io import keys
from include.io.feature_rows import read_day
from include.io.manifests import read_manifest
from include.io.releases import read_pointer
from include.io.tables import get_frame
from tests.support.demo_nights import DemoNights, demo_nights, states

pytestmark = pytest.mark.integration
FIRST, SECOND = date(2013, 4, 1), date(2013, 4, 2)


@dataclass(frozen=True)
class Case:
    """Name a project, and the shortest window its declared holdout allows."""

    project: str
    window_days: int
    minimum: str
    unreachable: str


# the unreachable minimum stays below the leak alarm: a declaration that lets nothing through is refused
CASES = [
    Case("flight_delay", 28, "value: 0.58", "value: 0.84"),
    Case("telco_churn", 30, "value: 0.80", "value: 0.89"),
]


# the flights are played by a real scheduler in tests/e2e/test_night.py
PARAMS = [pytest.param(case, marks=pytest.mark.deep if case.project == "flight_delay" else ()) for case in CASES]


@pytest.fixture(scope="module", params=PARAMS, ids=lambda case: case.project)
def case(request: pytest.FixtureRequest) -> Case:
    """Return one project after the other."""
    found: Case = request.param
    return found


@pytest.fixture(scope="module")
def nights(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNights]:
    """Set a home up in which the demo's sources have delivered what the runs need."""
    with demo_nights(tmp_path_factory.mktemp(case.project), case.project, case.window_days) as played:
        played.edit(r"trials: \d+", "trials: 2")
        played.deliver(FIRST, SECOND)
        yield played


def champion(nights: DemoNights) -> tuple[str, str]:
    """Return the champion's version, of the ledger and of the release that serving would load."""
    entry = nights.ledger.champion()
    pointer = read_pointer(nights.store, nights.name)
    assert entry is not None
    assert pointer is not None
    return entry.version, pointer.version


def test_three_nights(case: Case, nights: DemoNights) -> None:
    first_run = nights.run(FIRST)
    assert first_run.state == "success"
    done = states(first_run)
    # nobody is asked in mode automatic
    assert done.pop("approve") == {"skipped"}
    assert set().union(*done.values()) == {"success"}
    decided = nights.ledger.of_run(first_run.dag_id, first_run.run_id)
    assert decided is not None
    assert (decided.verdict, decided.as_of, decided.origin.git_commit) == ("PROMOTE", FIRST, "abc123")
    before = champion(nights)
    assert before == (decided.version, decided.version)

    second_run = nights.run(FIRST)
    assert second_run.state == "success"
    found = states(second_run)
    assert found["promote"] == found["announce_champion"] == {"skipped"}
    assert found["build_features"] == found["announce_features"] == {"skipped"}
    assert found["evaluate"] == {"success"}
    held = nights.ledger.of_run(second_run.dag_id, second_run.run_id)
    assert held is not None
    assert (held.verdict, held.candidate_id) == ("HOLD", decided.candidate_id)
    assert champion(nights) == before

    gate = "kind: minimum, metric: roc_auc, "
    nights.edit(gate + case.minimum, gate + case.unreachable)
    third_run = nights.run(SECOND)
    assert third_run.state == "failed"
    assert states(third_run)["promote"] == {"failed"}
    assert states(third_run)["announce_champion"] == {"upstream_failed"}
    rejected = nights.ledger.of_run(third_run.dag_id, third_run.run_id)
    assert rejected is not None
    assert (rejected.verdict, rejected.as_of) == ("REJECT", SECOND)
    assert champion(nights) == before


def test_days_are_scored_by_the_champion_of_then(nights: DemoNights) -> None:
    if nights.ledger.champion() is None:
        nights.run(FIRST)
    version, _ = champion(nights)
    scored = nights.score(SECOND)
    assert scored.state == "success"
    assert set().union(*states(scored).values()) == {"success"}
    manifest = read_manifest(nights.store, keys.predictions_manifest(nights.name, SECOND))
    assert manifest is not None
    assert (manifest.details["version"], manifest.details["hindsight"]) == (version, False)
    predictions = get_frame(nights.store, manifest.files["rows"])
    day = read_day(nights.store, nights.project, SECOND)
    # the rows without a label are among them: cancelled flights
    assert len(predictions) == len(day)
    assert nights.name != "flight_delay" or day["late"].isna().any()
    both = day.merge(predictions, on=list(nights.project.keys), validate="one_to_one")
    both = both[both[nights.project.target.name].notna()]
    assert roc_auc_score(both[nights.project.target.name].astype(int), both["score"]) > 0.6

    before = FIRST - timedelta(days=1)
    skipped = nights.score(before)
    assert skipped.state == "success"
    assert states(skipped)["score"] == {"skipped"}
    assert read_manifest(nights.store, keys.predictions_manifest(nights.name, before)) is None

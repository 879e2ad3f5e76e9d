"""The walk-forward record says what nights would have decided knowing only the past, whatever happened when."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import roc_auc_score

from include.domain.decision import LedgerEntry, Night, Standing
from include.domain.errors import CandidateRejectedError
from include.domain.results import Origin
from include.io.feature_rows import read_rows
from include.io.ledger import Ledger, read_decision
from include.io.local_store import LocalStore
from include.io.models import read_candidate
from include.ml.bootstrap import difference
from include.ml.metrics import Predictions
from include.operations.history import newest_by_day, rollbacks, walk_forward
from include.stages.promote import publish
from tests.stages.shop import contents
from tests.support.model_nights import DAYS, FIRST, HOLDOUT_DAYS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

ONE = [{"name": "linear", "estimator": "logistic_regression"}]
GATES = [
    {"kind": "minimum", "metric": "roc_auc", "value": 0.6},
    {"kind": "not_worse_than_champion", "metric": "roc_auc", "margin": 0.05},
]
NIGHTS = [FIRST + timedelta(days=20 + 2 * number) for number in range(5)]
ORDER = [3, 0, 4, 1, 2]
# what held before is the other way round on these days
TURNED = {NIGHTS[3] - timedelta(days=back) for back in range(HOLDOUT_DAYS)}


@dataclass
class _Backfill(Nights):
    """Play nights as the runs of a backfill."""

    def inputs(self, as_of: date, run_id: str, **more: Any) -> dict[str, Any]:
        origin = Origin(run_id=run_id, run_type="backfill", lock_hash="lock")
        return {**super().inputs(as_of, run_id, **more), "origin": origin}


def _prepare(nights: Nights) -> None:
    for back in range((NIGHTS[-1] - NIGHTS[0]).days + DAYS):
        day = NIGHTS[-1] - timedelta(days=back)
        frame = make_rows(day)
        nights.write_day(day, frame.assign(late=1 - frame["late"]) if day in TURNED else frame)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Return the home of a backfill of five days, which ended in shuffled order; not to be changed."""
    folder = tmp_path_factory.mktemp("walked")
    copy_prepared(prepared_tracking, folder)
    nights = _Backfill(folder, make_project(folder, candidates=ONE, gates=GATES))
    _prepare(nights)
    for number in ORDER:
        try:
            nights.night(NIGHTS[number])
        except CandidateRejectedError:
            continue
    return nights


@pytest.fixture
def copied(played: Nights, tmp_path: Path) -> Nights:
    """Return a copy of it that may be changed."""
    shutil.copytree(played.folder / "store", tmp_path / "store")
    return Nights(tmp_path, played.project)


def _verdicts(record: list[Night]) -> list[str]:
    return [night.verdict for night in record]


def _numbered(record: list[Night], number: int = 0) -> list[Night]:
    return [night.model_copy(update={"number": number}) for night in record]


def test_each_night_is_judged_against_the_champion_of_the_nights_before(copied: Nights) -> None:
    """Walk by hand: score both models on the rows the decision names, and promote the better one."""
    record = walk_forward(copied.store, copied.project)
    assert [night.as_of for night in record] == NIGHTS
    champion: Night | None = None
    for night in record:
        decision = read_decision(copied.store, "parcels", night.decision_id)
        rows = read_rows(copied.store, copied.project, decision.holdout_data)
        assert set(rows["day"]) == {str(night.as_of - timedelta(days=back)) for back in range(HOLDOUT_DAYS)}

        def scores(candidate_id: str, rows: Any = rows) -> Any:
            _, model, _ = read_candidate(copied.store, "parcels", candidate_id)
            return model.score(rows)

        ours, theirs = scores(night.candidate_id), scores(champion.candidate_id) if champion else None
        labels = rows["late"].to_numpy()
        value = float(roc_auc_score(labels, ours))
        rival = None if theirs is None else float(roc_auc_score(labels, theirs))
        gain = difference("roc_auc", Predictions(labels, rows["day"].to_numpy(), ours, theirs, seed=7), 0.95)
        assert night.value == pytest.approx(value)
        assert night.champion_value == (pytest.approx(rival) if champion else None)
        assert (night.champion.as_of if night.champion else None) == (champion.as_of if champion else None)
        if value < max(0.6, (rival or 0) - 0.05):
            assert night.verdict == "REJECT"
        else:
            assert night.verdict == ("PROMOTE" if gain is None or gain.lower > 0 else "HOLD")
        champion = night if night.verdict == "PROMOTE" else champion
        assert champion is not None
        assert night.in_force is not None
        assert night.in_force.version == champion.version
    assert {"PROMOTE", "HOLD", "REJECT"} == set(_verdicts(record))
    assert record[3].verdict == "REJECT"
    assert record[3].reason.startswith("minimum: roc_auc 0.")


def test_what_was_really_decided_stands_beside_it(copied: Nights) -> None:
    record = walk_forward(copied.store, copied.project)
    assert [night.decided for night in record] == ["REJECT" if night == record[3] else "HOLD" for night in record]
    assert record[0].decided_reason.startswith("a backfill promotes nothing; it would be promoted: ")
    assert [night.number for night in record] == [ORDER.index(number) + 1 for number in range(5)]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_the_ledger_gives_the_same_record(copied: Nights, seed: int) -> None:
    expected = walk_forward(copied.store, copied.project)
    entries = Ledger(copied.store, "parcels").entries()
    shutil.rmtree(copied.folder / "store" / "parcels" / "ledger")
    shutil.rmtree(copied.folder / "store" / "parcels" / "decisions" / "comparisons")
    random.Random(seed).shuffle(entries)
    ledger = Ledger(copied.store, "parcels")
    for entry in entries:
        ledger.append(lambda number, _, entry=entry: entry.model_copy(update={"number": number}))
    assert _numbered(walk_forward(copied.store, copied.project)) == _numbered(expected)


def test_nothing_is_scored_twice(copied: Nights) -> None:
    told: list[tuple[int, int]] = []
    record = walk_forward(copied.store, copied.project, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]
    made = contents(LocalStore(copied.store_url), "parcels/decisions/comparisons/")
    assert len(made) == 4
    shutil.rmtree(copied.folder / "store" / "parcels" / "features")
    shutil.rmtree(copied.folder / "store" / "parcels" / "models")
    assert walk_forward(copied.store, copied.project) == record
    assert contents(LocalStore(copied.store_url), "parcels/decisions/comparisons/") == made


def test_the_record_up_to_a_day_is_the_beginning_of_the_whole(copied: Nights) -> None:
    whole = walk_forward(copied.store, copied.project)
    assert walk_forward(copied.store, copied.project, last=NIGHTS[2]) == whole[:3]


def test_a_night_whose_rows_are_gone_says_so_and_holds(copied: Nights) -> None:
    second = next(
        entry for entry in newest_by_day(Ledger(copied.store, "parcels").entries()) if entry.as_of == NIGHTS[1]
    )
    gone = read_decision(copied.store, "parcels", second.decision_id).holdout_data[0].key
    copied.store.delete(gone)
    record = walk_forward(copied.store, copied.project)
    assert (record[1].verdict, record[1].champion_value, record[1].gain) == ("HOLD", None, None)
    assert record[1].reason.startswith("champion ")
    assert f"could not be compared: {copied.store.uri(gone)}" in record[1].reason
    assert record[1].in_force == record[0].in_force


def test_a_champion_without_its_candidate_is_read_from_its_release(copied: Nights) -> None:
    expected = walk_forward(copied.store, copied.project)
    first = read_decision(copied.store, "parcels", expected[0].decision_id)
    publish(copied.store, first, Origin(run_id="test"))
    shutil.rmtree(copied.folder / "store" / "parcels" / "models" / first.challenger.candidate_id)
    shutil.rmtree(copied.folder / "store" / "parcels" / "decisions" / "comparisons")
    assert walk_forward(copied.store, copied.project) == expected

    shutil.rmtree(copied.folder / "store" / "parcels" / "releases")
    shutil.rmtree(copied.folder / "store" / "parcels" / "decisions" / "comparisons")
    record = walk_forward(copied.store, copied.project)
    assert record[1].verdict == "HOLD"
    assert "could not be compared: " in record[1].reason
    assert "no such trained candidate" in record[1].reason


def test_the_rules_of_now_are_what_counts(copied: Nights) -> None:
    copied.project = make_project(
        copied.folder, candidates=ONE, gates=[{"kind": "minimum", "metric": "accuracy", "value": 0.99}]
    )
    record = walk_forward(copied.store, copied.project)
    assert _verdicts(record) == ["REJECT"] * 5
    assert all(night.reason.startswith("minimum: accuracy 0.") for night in record)
    assert all(night.in_force is None for night in record)

    gates = [{"kind": "maximum", "metric": "log_loss", "value": 9.0}]
    lower = make_project(copied.folder, candidates=ONE, gates=gates, metrics={"primary": "log_loss", "also": []})
    record = walk_forward(copied.store, lower)
    assert {night.metric for night in record} == {"log_loss"}
    for night in record[1:]:
        assert night.value is not None
        assert night.champion_value is not None
        assert night.gain == pytest.approx(night.champion_value - night.value)
        assert (night.verdict == "PROMOTE") <= (night.value < night.champion_value)


def test_a_night_that_cannot_be_judged_by_the_rules_of_now_holds(copied: Nights) -> None:
    shutil.rmtree(copied.folder / "store" / "parcels" / "features")
    asked = make_project(copied.folder, candidates=ONE, gates=[{"kind": "minimum", "metric": "f1", "value": 0.1}])
    record = walk_forward(copied.store, asked)
    assert _verdicts(record) == ["HOLD"] * 5
    assert record[0].reason.startswith("the challenger could not be measured by the rules as they are now: file://")
    assert record[0].value is None


def test_nights_that_were_promoted_are_read_from_their_decisions_alone(tmp_path: Path, prepared_tracking: Path) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    nights = Nights(tmp_path, make_project(tmp_path, candidates=ONE, gates=GATES))
    _prepare(nights)
    for as_of in NIGHTS[:3]:
        nights.night(as_of)
    shutil.rmtree(tmp_path / "store" / "parcels" / "features")
    shutil.rmtree(tmp_path / "store" / "parcels" / "models")
    record = walk_forward(nights.store, nights.project)
    assert not list(nights.store.list("parcels/decisions/comparisons/"))
    assert [(night.verdict, night.reason) for night in record] == [
        (night.decided, night.decided_reason) for night in record
    ]
    champion = Ledger(nights.store, "parcels").champion()
    assert champion is not None
    assert record[-1].in_force is not None
    assert record[-1].in_force.version == champion.version


def _entry(number: int, kind: str, day: int, **more: Any) -> LedgerEntry:
    return LedgerEntry(
        number=number,
        kind=kind,
        project="parcels",
        as_of=date(2013, 4, day),
        made_at=datetime(2013, 5, 1, 9, 30, tzinfo=UTC),
        verdict="HOLD",
        reason="because",
        decision_id=f"d{number}",
        decision_uri="",
        candidate="linear",
        candidate_id=f"c{number}",
        origin=Origin(run_id="r", triggered_by=more.pop("who", "")),
        **more,
    )


def test_of_a_day_the_newest_decision_counts() -> None:
    entries = [
        _entry(1, "decision", 3),
        _entry(2, "decision", 2),
        _entry(3, "promotion", 2),
        _entry(4, "decision", 3),
        _entry(5, "pin", 4),
    ]
    for order in (entries, entries[::-1]):
        assert [(entry.as_of.day, entry.number) for entry in newest_by_day(order)] == [(2, 2), (3, 4)]


def test_a_rollback_names_the_candidates_it_took_away() -> None:
    entries = [
        _entry(1, "promotion", 1, standing=Standing(champion=1)),
        _entry(2, "rollback", 1, who="ada", standing=Standing(champion=1, barred=("c7", "c8"))),
        _entry(3, "rollback", 1, standing=Standing(champion=1, barred=("c7", "c8", "c9"))),
    ]
    said = "at 2013-05-01 09:30 UTC: because"
    assert rollbacks(entries) == {
        "c7": f"rolled back by ada {said}",
        "c8": f"rolled back by ada {said}",
        "c9": f"rolled back by somebody {said}",
    }


def test_an_empty_ledger_is_an_empty_record(tmp_path: Path) -> None:
    assert walk_forward(LocalStore(f"file://{tmp_path}/store"), make_project(tmp_path)) == []

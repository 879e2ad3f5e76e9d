"""What retention removes from a real history, to the byte, and that everything still works afterwards."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.models import read_candidate, read_rival
from include.operations.retention.records import RetentionResult
from tests.operations.aged import (
    assert_whole,
    client_of,
    gone,
    later,
    night_of,
    play,
    retain,
    size_of,
    versions_of,
)
from tests.support.model_nights import DAYS, Nights


def _days(number: int) -> list[str]:
    return [(night_of(number) - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]


def _why(result: RetentionResult, what: str) -> list[str]:
    return [one.why for one in result.kept if one.what.startswith(what)]


def test_it_names_what_goes_and_what_stays_and_why(aged: Nights) -> None:
    result = retain(aged, dry_run=True)
    assert gone(result, "versions") == ["version 1", "version 4"]
    assert gone(result, "features") == [*_days(1), *_days(4)]
    assert gone(result, "raw") == gone(result, "superseded") == gone(result, "orphans") == []
    assert {one.why for one in result.removed} == {
        "older than keep.features_days: 8 before the newest, 2013-06-10",
        "no champion that a rollback can go back to, and not among the judged last",
    }
    assert _why(result, "version 3") == ["champion in force"]
    assert _why(result, "version 2") == ["champion a rollback can go back to"]
    assert _why(result, "version 5") == _why(result, "version 6") == ["one of the 2 judged last"]
    assert _why(result, "weak") == ["lost against version 3, which stays"]
    # two of the eight days judged it, the others trained it
    assert sorted(_why(result, "features")) == sorted(
        [f"version {version} was {what} on them" for version in (2, 3, 5) for what in ["judged"] * 2 + ["trained"] * 6]
        + ["keep.features_days: the newest day and 8 before it"]
    )
    assert result.unknown == ()


def test_dry_run_and_real_run_agree_to_the_byte(aged: Nights) -> None:
    before = size_of(aged.store)
    asked = retain(aged, dry_run=True)
    assert size_of(aged.store) == before
    assert versions_of(aged) == [1, 2, 3, 4, 5, 6]
    done = retain(aged)
    assert before - size_of(aged.store) == done.size == asked.size > 0
    assert done.removed == asked.removed
    assert done.totals() == asked.totals()
    again = retain(aged)
    assert (again.size, again.removed) == (0, ())


def test_dry_run_and_real_run_agree_on_s3(
    tmp_path: Path, prepared_tracking: Path, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = play(tmp_path, prepared_tracking, nights=3, s3_url=s3_url)
    later(monkeypatch)
    before = size_of(nights.store)
    asked = retain(nights, dry_run=True)
    assert gone(asked, "versions") == ["version 1"]
    assert gone(asked, "features") == _days(1)
    done = retain(nights)
    assert before - size_of(nights.store) == done.size == asked.size > 0
    assert done.removed == asked.removed
    assert retain(nights).removed == ()
    assert_whole(nights.store)


def test_store_and_mlflow_lose_the_same_models(aged: Nights) -> None:
    entries = {entry.version: entry for entry in Ledger(aged.store, "parcels").entries()}
    retain(aged)
    assert versions_of(aged) == [2, 3, 5, 6]
    experiment = client_of(aged).get_experiment_by_name("parcels")
    assert experiment is not None
    runs = {run.info.run_id for run in client_of(aged).search_runs([experiment.experiment_id])}
    # five versions and the candidate that lost
    assert len(runs) == 5
    for version in ("1", "4"):
        entry = entries[version]
        assert entry.tracking_run_id not in runs
        for key in (
            f"parcels/models/{entry.candidate_id}/",
            f"parcels/releases/version={version}/",
            f"parcels/mlflow/{entry.tracking_run_id}/",
        ):
            assert not list(aged.store.list(key)), key
    for version in ("2", "3", "5", "6"):
        read_candidate(aged.store, "parcels", entries[version].candidate_id)
        assert list(aged.store.list(f"parcels/mlflow/{entries[version].tracking_run_id}/"))


def test_history_stays_whole(aged: Nights) -> None:
    def history() -> dict[str, bytes]:
        areas = ("ledger/", "decisions/", "releases/champion.json")
        return {one.key: aged.store.get(one.key) for area in areas for one in aged.store.list(f"parcels/{area}")}

    before = history()
    retain(aged)
    assert history() == before
    for entry in Ledger(aged.store, "parcels").entries():
        assert read_decision(aged.store, "parcels", entry.decision_id).challenger.version == entry.version
        assert aged.store.exists(keys.decision_report("parcels", entry.decision_id))
    assert_whole(aged.store)


def test_the_project_goes_on_afterwards(aged: Nights) -> None:
    retain(aged)
    champion, _ = read_rival(aged.store, Ledger(aged.store, "parcels"), night_of(6))
    assert champion is not None and champion.entry.version == "3"
    # a number that MLflow has once given out comes back for no other model
    result = aged.night(night_of(7))
    assert (result.verdict, result.champion_version) == ("HOLD", "3")
    assert versions_of(aged) == [2, 3, 5, 6, 7]


def test_a_night_whose_model_went_can_be_played_again(aged: Nights) -> None:
    retain(aged)
    assert aged.night(night_of(4), "played again").verdict == "HOLD"
    assert_whole(aged.store)
    assert versions_of(aged) == [2, 3, 5, 6, 7]


def test_nothing_that_was_written_lately_goes(aged: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, hours=1)
    result = retain(aged)
    assert result.removed == ()
    assert _why(result, "version 1") == ["written within the last 24 hours"]
    # a clock that stands in the past must not make everything look old
    monkeypatch.setenv("NIGHTSHIFT_NOW", "2013-07-01T00:00:00+00:00")
    assert retain(aged).removed == ()

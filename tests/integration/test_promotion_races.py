"""Sixteen processes promote at the same moment, round after round: one wins, and everything agrees afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.io import keys
from include.io.champion_alias import differences, tracking_of
from include.io.ledger import Ledger, read_decision
from include.io.object_store import ObjectStore
from include.io.tracking_database import busy_safe
from include.stages import promote
from tests.support.counting_store import Counted
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.racing import Race, Racers, add_versions, next_race
from tests.support.sizes import size
from tests.support.tracking import copy_prepared

pytestmark = pytest.mark.integration

RACERS = 16
ROUNDS = size(10, 50)
PROJECT = "parcels"


def begin(folder: Path, store_url: str) -> tuple[Race, ObjectStore]:
    """Play a first night, whose champion the first round is about."""
    linear = [{"name": "linear", "estimator": "logistic_regression"}]
    nights = Nights(folder, make_project(folder, candidates=linear), s3_url=store_url)
    assert nights.night(FIRST).verdict == "PROMOTE"
    add_versions(folder / "mlflow.db", "1", ROUNDS, RACERS)
    champion = Ledger(nights.store, PROJECT).champion()
    assert champion is not None
    decision = read_decision(nights.store, PROJECT, champion.decision_id)
    return Race(nights.project, store_url, nights.tracking_url, decision, champion, 1, RACERS), nights.store


def test_of_16_processes_that_promote_at_once_one_wins_in_each_round(
    tmp_path: Path, prepared_tracking: Path, store_url: str, request: pytest.FixtureRequest
) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    environ = request.getfixturevalue("aws_environment") if store_url.startswith("s3:") else {}
    race, store = begin(tmp_path, store_url)
    ledger, tracking = Ledger(store, PROJECT), tracking_of(store, PROJECT, busy_safe(race.tracking_url))
    before = len(ledger.entries())
    with Racers(RACERS, environ) as racers:
        for _ in range(ROUNDS):
            results = racers.run(race)

            entries = ledger.entries()
            new, before = entries[before:], len(entries)
            [won] = [entry for entry in new if entry.kind == "promotion"]
            assert [result.verdict for result in results if result.champion_version != won.version] == []
            assert Counter(result.verdict for result in results) == {"PROMOTE": 1, "HOLD": RACERS - 1}
            for racer, result in enumerate(results):
                assert (result.verdict == "PROMOTE") == (race.version(racer) == won.version)
                assert result.verdict == "PROMOTE" or result.reason.startswith("overtaken: ")
            assert won.as_of == race.as_of
            assert ledger.champion() == won
            assert differences(store, tracking, won, PROJECT) == []
            race = next_race(race, won)
    # read anew, by a listing: an entry for each number, and a champion for each round
    entries = Ledger(store, PROJECT).entries()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert Counter(entry.kind for entry in entries)["promotion"] == 1 + ROUNDS


def test_a_challenger_that_was_overtaken_with_its_release_published_can_be_run_again(
    tmp_path: Path, prepared_tracking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    lax = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}]
    strong = make_project(tmp_path, candidates=[{"name": "linear", "estimator": "logistic_regression"}], gates=lax)
    weak = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
    slow = Nights(tmp_path, strong)
    quick = Nights(tmp_path, make_project(tmp_path, candidates=weak, gates=lax))
    day = FIRST + timedelta(days=1)
    publish = promote.publish_release

    def overtake(*args: Any) -> str:
        monkeypatch.setattr(promote, "publish_release", publish)
        uri = publish(*args)
        assert quick.night(FIRST).verdict == "PROMOTE"
        return uri

    monkeypatch.setattr(promote, "publish_release", overtake)
    overtaken = slow.night(day, "slow")
    assert overtaken.reason.endswith("was put in force meanwhile; run again")

    again = slow.night(day, "slow again")

    assert (again.verdict, again.champion_version) == ("PROMOTE", "1")
    champion = Ledger(slow.store, PROJECT).champion()
    assert differences(slow.store, tracking_of(slow.store, PROJECT, slow.tracking_url), champion, PROJECT) == []
    # and the next night can compare with it
    assert slow.night(day, "next").reason == "the challenger is champion 1 itself: a tie"


def test_a_promotion_reads_no_entry_that_is_older_than_its_decision(
    tmp_path: Path, prepared_tracking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many runs write in one day: a backfill, or the rounds above."""
    copy_prepared(prepared_tracking, tmp_path)
    linear = [{"name": "linear", "estimator": "logistic_regression"}]
    nights = Nights(tmp_path, make_project(tmp_path, candidates=linear))
    nights.night(FIRST)
    evaluated = nights.evaluate(FIRST)
    for number in range(12):
        nights.promote(FIRST, evaluated, f"again {number}")
    evaluated = nights.evaluate(FIRST + timedelta(days=1), "newest")
    counted = Counted(monkeypatch, promote)

    nights.promote(FIRST + timedelta(days=1), evaluated, "newest")

    read = {key for key in counted.keys["read"] if key.startswith(keys.ledger_prefix(PROJECT))}
    # what says who is in force, that champion, and the own entry
    assert read <= {keys.ledger_entry(PROJECT, number) for number in (2, 14, 15, 16)}

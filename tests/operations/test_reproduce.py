"""Make recorded models again from their decisions, whatever has become of the rest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.config.identity import model_code
from include.domain.errors import ActRefusedError, UnknownProjectError
from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.local_store import LocalStore
from include.io.manifests import to_json
from include.io.models import read_candidate
from include.operations.reproduce import Remade, reproduce
from tests.stages.shop import contents
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
HERE = Origin(run_id="reproduce", git_commit="abc", lock_hash="lock")
CANDIDATES: dict[str, dict[str, Any]] = {
    "linear": {
        "name": "linear",
        "estimator": "logistic_regression",
        "search": {"trials": 2, "space": {"C": [0.01, 0.1, 1.0]}},
    },
    "trees": {
        "name": "trees",
        "estimator": "xgboost",
        "params": {"n_estimators": 8, "subsample": 0.7},
        "search": {"trials": 2, "space": {"max_depth": [1, 2, 3]}},
    },
}
# thresholds that are chosen, and a metric that looks at them
DECLARED: dict[str, dict[str, Any]] = {
    "linear": {
        "threshold": {"objective": "value"},
        "value": {"currency": "EUR", "true_positive": 9.0, "false_positive": -2.0},
    },
    "trees": {"threshold": {"objective": "f_beta", "beta": 2.0}},
}


@pytest.fixture(scope="module", params=sorted(CANDIDATES))
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Play one night of a project with one candidate; to be copied and never changed."""
    folder = tmp_path_factory.mktemp(request.param)
    copy_prepared(prepared_tracking, folder)
    candidate, declared = CANDIDATES[request.param], DECLARED[request.param]
    nights = Nights(
        folder, make_project(folder, candidates=[candidate], metrics={"also": ["brier_score", "f1"]}, **declared)
    )
    assert nights.night(AS_OF).verdict == "PROMOTE"
    return nights


@pytest.fixture
def nights(played: Nights, tmp_path: Path) -> Nights:
    """Return a copy of the night that was played, to do harm to."""
    shutil.copytree(played.folder / "store", tmp_path / "store")
    return Nights(tmp_path, played.project)


def _again(nights: Nights, **here: str) -> Remade:
    return reproduce(nights.store, "parcels", "1", HERE.model_copy(update=here), lambda words: None)


def _identity(nights: Nights) -> str:
    [entry] = [entry for entry in Ledger(nights.store, "parcels").entries() if entry.kind == "promotion"]
    return entry.candidate_id


def _rewrite(store: Any, key: str, change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(store.get(key))
    change(value)
    data = json.dumps(value).encode()
    store.put(key, data)
    return data


def _rewrite_record(nights: Nights, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the training record, and the manifest so that it names the changed bytes."""
    identity = _identity(nights)
    data = _rewrite(nights.store, keys.model_file("parcels", identity, "training.json"), change)

    def name_it(manifest: dict[str, Any]) -> None:
        manifest["files"]["training.json"].update(sha256=hashlib.sha256(data).hexdigest(), size=len(data))

    _rewrite(nights.store, keys.model_manifest("parcels", identity), name_it)


def _decision_key(nights: Nights) -> str:
    [entry] = [entry for entry in Ledger(nights.store, "parcels").entries() if entry.kind == "promotion"]
    return keys.decision("parcels", entry.decision_id)


def test_the_same_bytes_and_numbers_come_out_and_nothing_is_written(nights: Nights) -> None:
    assert isinstance(nights.store, LocalStore)
    before = contents(nights.store)
    made = _again(nights)
    found = made.reproduction
    assert (found.status, found.differences, found.circumstances, found.missing) == ("identical", (), (), ())
    _, model, record = read_candidate(nights.store, "parcels", _identity(nights))
    assert made.trained is not None
    assert made.trained.model.data == model.data
    assert to_json(made.trained.record) == to_json(record)
    assert found.model_then == found.model_now == hashlib.sha256(model.data).hexdigest()
    decision = read_decision(nights.store, "parcels", found.decision_id)
    assert found.holdout == decision.challenger.holdout
    assert found.holdout.keys() >= {"roc_auc", "brier_score", "f1"}
    assert made.trained.model.threshold == model.threshold != 0.5
    assert contents(nights.store) == before


def test_other_circumstances_are_told_and_make_nothing_different(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_THREADS", "2")
    _rewrite_record(nights, lambda record: record["versions"].update(numpy="1.0", python="3.9.1"))
    found = _again(nights, lock_hash="another lock", git_commit="def").reproduction
    assert found.status == "identical"
    assert {each.what: each.then for each in found.circumstances} == {
        "version of numpy": "1.0",
        "version of python": "3.9.1",
        "dependency lock": "lock",
        "threads set here": "1",
        "git commit": "abc",
    }
    assert found.threads == 1


@pytest.mark.parametrize("then", ["syntax:" + "ab" * 32, "ab" * 32])
def test_a_model_made_by_other_code_says_so_and_is_compared_all_the_same(nights: Nights, then: str) -> None:
    _rewrite_record(nights, lambda record: record.update(code_fingerprint=then))
    found = _again(nights).reproduction
    assert found.status == "identical"
    _, _, record = read_candidate(nights.store, "parcels", _identity(nights))
    (code,) = [each for each in found.circumstances if each.what == "code that makes models"]
    assert code.then.startswith(then)
    assert ("older definition" in code.then) is not then.startswith("syntax:")
    assert code.now == model_code(record.estimator)


def test_rows_that_were_altered_or_removed_are_named_by_day_and_key(nights: Nights) -> None:
    _, _, record = read_candidate(nights.store, "parcels", _identity(nights))
    altered, removed = record.data[1], record.data[4]
    nights.store.put(altered.key, nights.store.get(record.data[0].key))
    nights.store.delete(removed.key)
    made = _again(nights)
    assert (made.trained, made.reproduction.status, made.reproduction.model_now) == (None, "incomplete", "")
    assert made.reproduction.model_then
    first, second = made.reproduction.missing
    place = f"feature rows of {altered.day}: {nights.store.uri(altered.key)}"
    assert first.startswith(f"{place} holds other bytes than the model was trained on; got: sha256 ")
    assert first.endswith(f"allowed: sha256 {altered.sha256}")
    assert second == (
        f"feature rows of {removed.day}: {nights.store.uri(removed.key)} is gone; "
        "retention removed it, or a repair of the store"
    )


def test_features_that_were_prepared_anew_do_not_matter(nights: Nights) -> None:
    day = AS_OF - timedelta(days=5)
    manifest = keys.features_manifest("parcels", day)
    nights.store.delete(manifest)
    assert _again(nights).reproduction.status == "identical"


def test_a_holdout_that_is_gone_leaves_the_model_comparable(nights: Nights) -> None:
    decision = read_decision(nights.store, "parcels", Ledger(nights.store, "parcels").entries()[0].decision_id)
    nights.store.delete(decision.holdout_data[0].key)
    found = _again(nights).reproduction
    assert (found.status, found.differences, found.holdout) == ("incomplete", (), {})
    assert found.model_now == found.model_then
    assert [words.split(":")[0] for words in found.missing] == [f"feature rows of {decision.holdout_data[0].day}"]


def test_a_recorded_number_that_was_altered_is_the_only_one_reported(nights: Nights) -> None:
    def alter(decision: dict[str, Any]) -> None:
        decision["challenger"]["holdout"]["roc_auc"] += 0.25

    data = json.loads(_rewrite(nights.store, _decision_key(nights), alter))
    found = _again(nights).reproduction
    assert (found.status, found.model_now) == ("different", found.model_then)
    [difference] = found.differences
    assert difference.what == "holdout, challenger: roc_auc"
    assert difference.then == repr(data["challenger"]["holdout"]["roc_auc"])
    assert difference.now == repr(found.holdout["roc_auc"])
    assert difference.largest == pytest.approx(0.25)


def test_an_altered_score_of_a_fold_is_reported_by_trial_and_fold(nights: Nights) -> None:
    def alter(record: dict[str, Any]) -> None:
        record["trials"][1]["scores"][0] += 1e-12

    _rewrite_record(nights, alter)
    [difference] = _again(nights).reproduction.differences
    assert difference.what == "trial 2, fold 1"
    assert difference.then != difference.now
    assert difference.largest == pytest.approx(1e-12, rel=0.01)


def test_an_altered_threshold_is_reported(nights: Nights) -> None:
    _, model, _ = read_candidate(nights.store, "parcels", _identity(nights))
    _rewrite_record(nights, lambda record: record["threshold"].update(value=0.5))
    [difference] = _again(nights).reproduction.differences
    assert (difference.what, difference.then, difference.now) == ("threshold", "0.5", repr(model.threshold))


@pytest.mark.parametrize("played", ["linear"], indirect=True)
def test_another_linear_model_is_told_number_by_number(nights: Nights) -> None:
    _rewrite_record(nights, lambda record: record["spec"]["candidate"]["search"]["space"].update(C=[0.001, 0.002]))
    found = _again(nights).reproduction
    assert found.status == "different" and found.model_now != found.model_then
    by_name = {each.what: each for each in found.differences}
    assert by_name.keys() >= {
        "model.skops, sha256",
        "chosen param C",
        "fold 1 of the chosen params",
        "decision: param C",
    }
    assert "signature.json, sha256" not in by_name
    # what does not depend on C is not reported
    assert [name for name in by_name if name.startswith("fitted")] == [
        "fitted model.coef_",
        "fitted model.intercept_",
        "fitted model.n_iter_",
    ]
    coefficients = by_name["fitted model.coef_"]
    assert coefficients.count == coefficients.of > 3
    answers = by_name["probabilities on the train rows"]
    assert answers.of == found.rows
    assert answers.largest is not None and 0 < answers.largest < 1


@pytest.mark.parametrize("played", ["trees"], indirect=True)
def test_other_trees_are_told_number_by_number(nights: Nights) -> None:
    _rewrite_record(nights, lambda record: record["spec"].update(seed=8))
    by_name = {each.what: each for each in _again(nights).reproduction.differences}
    weights = by_name["fitted model.learner.gradient_booster.model.trees.base_weights"]
    assert 0 < weights.count <= weights.of
    assert weights.largest is not None and weights.largest > 0
    assert not any(name.startswith("fitted prepare") for name in by_name)
    assert by_name["probabilities on the train rows"].count > 0


def test_a_candidate_that_retention_removed_is_made_again_from_its_release(nights: Nights) -> None:
    for info in list(nights.store.list("parcels/models/")):
        nights.store.delete(info.key)
    assert _again(nights).reproduction.status == "identical"
    for info in list(nights.store.list("parcels/releases/")):
        nights.store.delete(info.key)
    found = _again(nights).reproduction
    assert found.status == "incomplete"
    assert [words.split(": ", 1)[1] for words in found.missing] == [
        "there is no such manifest; retention may have removed it"
    ] * 2


def test_a_model_file_that_is_damaged_is_told_and_could_be_replaced(nights: Nights) -> None:
    nights.store.put(keys.model_file("parcels", _identity(nights), "model.skops"), b"rot")
    made = _again(nights)
    assert (made.reproduction.status, made.reproduction.differences) == ("incomplete", ())
    [words] = made.reproduction.missing
    assert "model.skops: the bytes are not those the manifest names; got: sha256 " in words
    assert made.trained is not None
    assert hashlib.sha256(made.trained.model.data).hexdigest() == made.reproduction.model_then


def test_a_record_of_an_older_version_cannot_be_made_again(nights: Nights) -> None:
    def strip(record: dict[str, Any]) -> None:
        del record["spec"], record["data"]

    _rewrite_record(nights, strip)
    for info in list(nights.store.list("parcels/releases/")):
        nights.store.delete(info.key)
    found = _again(nights).reproduction
    assert found.status == "incomplete"
    assert found.missing[0].endswith("the record names no rows and no declared parts: an older version wrote it")


def test_what_is_not_there_is_named(nights: Nights) -> None:
    with pytest.raises(ActRefusedError) as caught:
        reproduce(nights.store, "parcels", "9", HERE, lambda words: None)
    assert str(caught.value) == (
        "the ledger of parcels: no decision on such a version; got: '9'; allowed: 1; "
        "hint: ./nightshift ledger parcels lists them"
    )
    with pytest.raises(UnknownProjectError) as unknown:
        reproduce(nights.store, "letters", "1", HERE, lambda words: None)
    assert str(unknown.value) == (
        "the ledger of letters: no decision in this store yet; hint: ./nightshift run letters"
    )

"""Look closer at some candidates of the bench: what was compared, what was chosen, and what a late change does."""

from __future__ import annotations

import pytest
from sklearn.metrics import roc_auc_score

from include.domain.errors import ChecksumMismatchError
from include.domain.results import EvaluateInputs, PromoteInputs
from include.io import keys
from include.io.feature_rows import read_window
from include.io.ledger import Ledger
from include.io.models import MODEL, holdout_days, load_champion
from include.stages import evaluate, promote
from tests.integration.bench.expecting import FIRST, SECOND
from tests.support.bench import candidates, replaced
from tests.support.bench.house import House
from tests.support.bench.trial import in_force, judge


def each_is_scored_through_its_own_contract(house: House) -> None:
    """Let a challenger know a feature that the champion does not know, and measure both independently."""
    entry = Ledger(house.store, house.ground.name).champion()
    assert entry is not None
    champion = load_champion(house.store, entry).model
    trial = candidates.more_features(house)
    challenger = house.model(trial.trained[0])
    decision = judge(house, trial).decision

    assert set(challenger.signature.names) - set(champion.signature.names) >= {"noise"}
    frame = read_window(house.store, trial.project, holdout_days(house.plan(house.ground.as_of))).frame
    labels = frame[trial.project.target.name]
    assert decision.champion is not None
    for model, summary in ((challenger, decision.challenger), (champion, decision.champion)):
        inputs = frame[model.signature.names].astype({each.name: each.dtype for each in model.signature.features})
        scores = model.pipeline.predict_proba(inputs)[:, 1]
        assert summary.holdout["roc_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def the_overfitted_one_was_the_best_in_cross_validation(house: House) -> None:
    """Let an honest candidate stand beside the overfitted one: cross-validation chooses, the holdout tells."""
    trial = candidates.overfitted(house)
    honest, overfitted = trial.trained
    assert overfitted.cv_mean > 0.99
    assert honest.cv_mean < 0.9
    decision = judge(house, trial).decision
    assert decision.challenger.candidate_id == overfitted.candidate_id
    assert [other.candidate_id for other in decision.others] == [honest.candidate_id]
    assert decision.challenger.holdout["roc_auc"] < overfitted.cv_mean - 0.2


def bytes_that_change_after_the_verdict_are_not_released(house: House) -> None:
    """Let somebody change the model between evaluate and promote, and put it right again."""
    ground, trial = house.ground, candidates.fewer_features(house)
    given = house.inputs(ground.as_of, "a night")
    plan = house.plan(ground.as_of)
    evaluated = evaluate.run(trial.project, EvaluateInputs(**given, plan=plan, trained=trial.trained))
    assert evaluated.verdict == "PROMOTE"
    whole = replaced.change_a_byte(house, trial.trained[0])

    with pytest.raises(ChecksumMismatchError, match="the bytes are not those the manifest names"):
        promote.run(trial.project, PromoteInputs(**given, evaluated=evaluated))

    entries = Ledger(house.store, ground.name).entries()
    assert [entry.kind for entry in entries] == ["decision", "promotion", "decision"]
    assert in_force(house) == FIRST

    house.store.put(keys.model_file(ground.name, evaluated.candidate_id, MODEL), whole)
    assert promote.run(trial.project, PromoteInputs(**given, evaluated=evaluated)).champion_version == "2"
    assert [entry.kind for entry in Ledger(house.store, ground.name).entries()][2:] == ["decision", "promotion"]
    assert in_force(house) == SECOND

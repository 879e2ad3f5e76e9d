"""Promote with a person's answer: what the ledger, the champion and the report say then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from include.config.sections import mode_in_force
from include.domain.decision import LedgerEntry
from include.domain.errors import SettingsError
from include.domain.results import (
    ApprovalAnswer,
    EvaluateInputs,
    EvaluateResult,
    PromoteInputs,
    PromoteResult,
    PromotionMode,
)
from include.io import keys
from include.io.ledger import Ledger
from include.stages import evaluate, promote
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
NEXT = AS_OF + timedelta(days=1)
ONE = [{"name": "linear", "estimator": "logistic_regression"}]
ASKING: dict[str, Any] = {"mode": "approval", "approval": {"timeout_hours": 2}}


def said(answer: str, hour: int = 9, **more: str) -> ApprovalAnswer:
    """Return an answer of that hour."""
    return ApprovalAnswer.model_validate({"answer": answer, "at": datetime(2013, 4, 22, hour, tzinfo=UTC), **more})


YES, NO = said("approved", by="ada", reason="fine"), said("rejected", by="ada", reason="odd week")


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path, candidates=ONE, promotion=ASKING))


def answered(
    nights: Nights, evaluated: EvaluateResult, answer: ApprovalAnswer | None, run_id: str = "run"
) -> PromoteResult:
    """Run promote with an answer."""
    as_of = AS_OF if str(AS_OF) in evaluated.decision_id else NEXT
    inputs = PromoteInputs(**nights.inputs(as_of, run_id), evaluated=evaluated, approval=answer)
    return promote.run(nights.project, inputs)


def entries(nights: Nights) -> list[LedgerEntry]:
    return Ledger(nights.store, "parcels").entries()


def told(nights: Nights) -> list[tuple[str, str | None, ApprovalAnswer | None]]:
    return [(entry.kind, entry.verdict, entry.approval) for entry in entries(nights)]


def test_evaluate_says_that_somebody_must_be_asked_and_gives_them_something_to_read(nights: Nights) -> None:
    evaluated = nights.evaluate(AS_OF)
    assert (evaluated.verdict, evaluated.mode) == ("PROMOTE", "approval")
    assert evaluated.summary.startswith("**PROMOTE**: all gates passed and there is no champion: roc_auc 0.")
    page = nights.store.get(nights.store.key_of(evaluated.report_uri)).decode()
    assert page.startswith("<!doctype html>") and "PROMOTE" in page


def test_an_approval_promotes_and_the_ledger_knows_who_and_why(nights: Nights) -> None:
    evaluated = nights.evaluate(AS_OF)
    result = answered(nights, evaluated, YES)
    assert (result.verdict, result.champion_version, result.approval) == ("PROMOTE", "1", YES)
    assert result.reason == f"{evaluated.reason}; ada approved: fine"
    assert told(nights) == [("decision", "PROMOTE", YES), ("promotion", "PROMOTE", YES)]
    assert {entry.reason for entry in entries(nights)} == {result.reason}
    report = nights.store.get(keys.decision_report("parcels", evaluated.decision_id)).decode()
    assert "ada approved: fine" in report
    assert answered(nights, evaluated, YES) == result
    assert len(entries(nights)) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (NO, "ada rejected: odd week; proved: "),
        (said("timed_out"), "nobody answered within 2 hours; it would be promoted: "),
        (None, "promotion mode is approval, and nobody was asked; it would be promoted: "),
    ],
    ids=["rejected", "timed out", "not asked"],
)
def test_anything_but_an_approval_holds(nights: Nights, answer: ApprovalAnswer | None, reason: str) -> None:
    evaluated = nights.evaluate(AS_OF)
    result = answered(nights, evaluated, answer)
    assert (result.verdict, result.champion_version, result.approval) == ("HOLD", "", answer)
    assert result.reason == reason + evaluated.reason
    assert told(nights) == [("decision", "HOLD", answer)]
    report = nights.store.get(keys.decision_report("parcels", evaluated.decision_id)).decode()
    assert "HOLD" in report
    assert answered(nights, evaluated, answer) == result
    assert len(entries(nights)) == 1


def test_silence_promotes_where_that_is_declared(nights: Nights) -> None:
    quiet = {"mode": "approval", "approval": {"timeout_hours": 2, "on_timeout": "promote"}}
    nights.project = make_project(nights.folder, candidates=ONE, promotion=quiet)
    result = answered(nights, nights.evaluate(AS_OF), said("timed_out"))
    assert (result.verdict, result.champion_version) == ("PROMOTE", "1")
    assert result.reason.endswith("; nobody answered within 2 hours, which promotes as declared")


MODES: tuple[PromotionMode, ...] = ("automatic", "approval", "hold")


@pytest.mark.parametrize(("declared", "asked"), list(product(MODES, MODES)))
def test_a_run_may_tighten_what_is_declared_and_never_loosen_it(
    nights: Nights, declared: PromotionMode, asked: PromotionMode
) -> None:
    nights.project = make_project(nights.folder, candidates=ONE, promotion={"mode": declared})
    if MODES.index(asked) >= MODES.index(declared):
        assert mode_in_force("parcels", declared, asked) == asked
        return
    with pytest.raises(SettingsError) as caught:
        evaluate.run(nights.project, EvaluateInputs(
            **nights.inputs(AS_OF, "run"), plan=nights.plan(AS_OF), trained=(), promotion_mode=asked
        ))  # fmt: skip
    problem = caught.value.problem
    assert (problem.got, problem.allowed) == (asked, MODES[MODES.index(declared) :])
    assert "./nightshift promote parcels" in problem.hint
    assert not entries(nights)


def test_the_form_can_ask_for_one_night(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=ONE)
    assert nights.evaluate(AS_OF, promotion_mode="approval").mode == "approval"


@pytest.mark.parametrize(("mode", "reason"), [("approval", "nobody was asked"), ("hold", "promotion mode is hold")])
def test_a_receipt_loosens_nothing_that_is_declared_when_promote_runs(nights: Nights, mode: str, reason: str) -> None:
    nights.project = make_project(nights.folder, candidates=ONE)
    evaluated = nights.evaluate(AS_OF)
    assert (evaluated.verdict, evaluated.mode) == ("PROMOTE", "automatic")
    nights.project = make_project(nights.folder, candidates=ONE, promotion={"mode": mode})
    held = nights.promote(AS_OF, evaluated)
    assert (held.verdict, held.champion_version) == ("HOLD", "")
    assert reason in held.reason


def test_an_approval_that_comes_after_another_champion_is_refused(nights: Nights) -> None:
    slow, quick = nights.evaluate(AS_OF, "slow"), nights.evaluate(NEXT, "quick")
    assert answered(nights, quick, YES, "quick").verdict == "PROMOTE"
    result = answered(nights, slow, YES, "slow")
    assert (result.verdict, result.champion_version, result.approval) == ("HOLD", "2", YES)
    assert result.reason == (
        f"overtaken: the challenger was compared with no champion, and version 2 (as of {NEXT}) was put in force "
        "meanwhile; run again; the approval by ada came too late"
    )
    assert answered(nights, slow, YES, "slow") == result


def test_a_rejection_can_be_answered_anew_and_a_promotion_cannot(nights: Nights) -> None:
    evaluated = nights.evaluate(AS_OF)
    assert answered(nights, evaluated, NO).verdict == "HOLD"
    later = said("approved", 10, by="bo")
    promoted = answered(nights, evaluated, later)
    assert (promoted.verdict, promoted.champion_version, promoted.approval) == ("PROMOTE", "1", later)
    again = [("decision", "HOLD", NO), ("decision", "PROMOTE", later), ("promotion", "PROMOTE", later)]
    assert told(nights) == again
    for answer in (said("rejected", 11, by="bo"), said("approved", 12, by="ada")):
        assert answered(nights, evaluated, answer) == promoted
        assert told(nights) == again

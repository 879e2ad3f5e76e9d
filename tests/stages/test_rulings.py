"""What a person's answer makes of a verdict: every case in one table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from include.config.sections import Approval
from include.domain.results import ApprovalAnswer, EvaluateResult
from include.stages.promote import hours, rule

AT = datetime(2013, 4, 2, tzinfo=UTC)
HOLD, PROMOTE = Approval(), Approval(timeout_hours=1, on_timeout="promote")


def evaluated(**changes: Any) -> EvaluateResult:
    values = {"verdict": "PROMOTE", "reason": "better", "mode": "approval", **changes}
    return EvaluateResult(decision_id="d", decision_uri="u", challenger="trees", candidate_id="c", **values)


def said(answer: str, by: str = "ada", reason: str = "") -> ApprovalAnswer:
    return ApprovalAnswer.model_validate({"answer": answer, "by": by, "at": AT, "reason": reason})


RULED = [
    (said("approved"), HOLD, "PROMOTE", "better; ada approved"),
    (said("approved", reason="looked at it"), HOLD, "PROMOTE", "better; ada approved: looked at it"),
    (said("approved", by=""), HOLD, "PROMOTE", "better; somebody approved"),
    (said("rejected", reason="odd week"), HOLD, "HOLD", "ada rejected: odd week; proved: better"),
    (said("rejected"), PROMOTE, "HOLD", "ada rejected, without a reason; proved: better"),
    (said("timed_out", ""), HOLD, "HOLD", "nobody answered within 24 hours; it would be promoted: better"),
    (
        said("timed_out", ""),
        PROMOTE,
        "PROMOTE",
        "better; nobody answered within 1 hour, which promotes as declared",
    ),
    (None, PROMOTE, "HOLD", "promotion mode is approval, and nobody was asked; it would be promoted: better"),
]


@pytest.mark.parametrize(("answer", "declared", "verdict", "reason"), RULED, ids=[case[3] for case in RULED])
def test_an_answer_and_its_absence_make_a_verdict(
    answer: ApprovalAnswer | None, declared: Approval, verdict: str, reason: str
) -> None:
    ruling = rule(evaluated(), answer, declared)
    assert ruling is not None
    assert (ruling.verdict, ruling.reason, ruling.answer) == (verdict, reason, answer)


@pytest.mark.parametrize(
    "changes",
    [{"mode": "automatic"}, {"mode": "hold", "verdict": "HOLD"}, {"verdict": "HOLD"}, {"verdict": "REJECT"}],
    ids=str,
)
@pytest.mark.parametrize("answer", [None, said("approved"), said("rejected")], ids=["none", "approved", "rejected"])
def test_where_nobody_has_to_be_asked_no_answer_counts(changes: dict[str, str], answer: ApprovalAnswer | None) -> None:
    assert rule(evaluated(**changes), answer, PROMOTE) is None


@pytest.mark.parametrize("answer", [None, said("approved"), said("timed_out")], ids=["none", "approved", "timed out"])
def test_a_mode_that_became_hold_since_promotes_nothing(answer: ApprovalAnswer | None) -> None:
    ruling = rule(evaluated(mode="hold"), answer, PROMOTE)
    assert ruling is not None
    assert (ruling.verdict, ruling.reason) == ("HOLD", "promotion mode is hold; it would be promoted: better")


def test_a_wait_is_told_in_words() -> None:
    assert [hours(count) for count in (1, 24, 0.5)] == ["1 hour", "24 hours", "0.5 hours"]

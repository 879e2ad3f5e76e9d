from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from include.domain.decision import GateResult

OLD: dict[str, Any] = {"kind": "minimum", "metric": "roc_auc", "threshold": ">= 0.6", "value": 0.7}


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"passed": True}, "passed"),
        ({"passed": False}, "failed"),
        ({"passed": True, "note": "the most telling feature is tenure"}, "passed"),
        ({"passed": True, "note": "no champion as of this day"}, "not_applicable"),
        ({"passed": True, "note": "champion not scored: the prepared features lack a"}, "not_applicable"),
        ({"passed": True, "note": "not judged: 1 of the 3 nights that are needed"}, "not_applicable"),
        ({"passed": False, "note": "no champion as of this day"}, "failed"),
    ],
)
def test_a_result_of_before_there_were_outcomes_has_one(told: dict[str, Any], outcome: str) -> None:
    found = GateResult.model_validate({**OLD, **told})
    assert (found.outcome, found.value, found.because) == (outcome, 0.7, "")
    assert found.judged is (outcome in ("passed", "failed"))
    assert GateResult.model_validate_json(found.model_dump_json()) == found


def test_scores_that_were_never_compared_have_no_index() -> None:
    alone = {**OLD, "kind": "stability", "metric": "psi", "value": 0.0, "passed": True}
    assert GateResult.model_validate({**alone, "note": "no champion as of this day"}).value is None
    assert GateResult.model_validate({**alone, "note": "mean score 0.3, the champion's 0.3"}).value == 0.0


@pytest.mark.parametrize(("passed", "outcome"), [(True, "failed"), (False, "passed"), (False, "off")])
def test_a_result_does_not_contradict_itself(passed: bool, outcome: str) -> None:
    with pytest.raises(ValidationError, match=f"the outcome is {outcome}"):
        GateResult.model_validate({**OLD, "passed": passed, "outcome": outcome})

"""The gates against the champion: what is proved passes, what is proved worse is rejected, all else is a HOLD."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import TypeAdapter

from include.config.gates import Evidence, Gate
from include.domain.decision import GateResult
from include.domain.evidence import Difference, Measurements

_GATE: TypeAdapter[Any] = TypeAdapter(Gate)
METHOD = "paired bootstrap, 2000 draws of 14 days"


def _better(metric: str = "roc_auc", **fields: float) -> Any:
    return _GATE.validate_python({"kind": "better_than_champion", "metric": metric, **fields})


def _not_worse(metric: str = "roc_auc", **fields: float) -> Any:
    return _GATE.validate_python({"kind": "not_worse_than_champion", "metric": metric, **fields})


def _difference(gain: float, reach: float, metric: str = "roc_auc", confidence: float = 0.95) -> Difference:
    return Difference(
        metric=metric,
        value=gain,
        standard_error=reach / 2,
        confidence=confidence,
        lower=gain - reach,
        upper=gain + reach,
        p_value=0.1,
        method=METHOD,
    )


def _judge(gate: Any, value: float, champion: float | None, *differences: Difference, version: str = "3") -> GateResult:
    evidence = Evidence(
        {gate.metric: value},
        {},
        None if champion is None else {gate.metric: champion},
        measurements=Measurements(differences=differences),
        champion_version=version,
    )
    (found,) = gate.judge(evidence)
    return found


PASS, HOLD, REJECT = (True, "any"), (False, "hold"), (False, "reject")
TABLE = [
    # gate, value, champion, half the width between the bounds -> threshold, outcome, what the note says
    (
        _better(), 0.75, 0.5, 0.125, "> 0.5 with 95 % confidence", PASS,
        f"the gain over champion 3 is 0.25, and with 0.95 confidence at least 0.125; {METHOD}",
    ),
    (
        _better(), 0.75, 0.5, 0.25, "> 0.5 with 95 % confidence", HOLD,
        "better than champion 3, but not proved: roc_auc gains 0.25, and with 0.95 confidence that may be 0 "
        f"({METHOD})",
    ),
    (
        _better(margin=0.125), 0.75, 0.5, 0.2, "> 0.625, > 0.5 with 95 % confidence", PASS,
        f"the gain over champion 3 is 0.25, and with 0.95 confidence at least 0.05; {METHOD}",
    ),
    (
        _better(margin=0.25), 0.75, 0.5, 0.125, "> 0.75, > 0.5 with 95 % confidence", HOLD,
        "not better than champion 3 by more than 0.25: roc_auc 0.75 against 0.5 "
        f"(the gain is 0.25, and with 0.95 confidence at most 0.375; {METHOD})",
    ),
    (
        _better(), 0.5, 0.75, 0.125, "> 0.75 with 95 % confidence", HOLD,
        "not better than champion 3: roc_auc 0.5 against 0.75 "
        f"(the gain is -0.25, and with 0.95 confidence at most -0.125; {METHOD})",
    ),
    (_better(), 0.5, 0.5, 0.125, "> 0.5 with 95 % confidence", HOLD, "a tie with champion 3: roc_auc 0.5"),
    (
        _better("log_loss", margin=0.125), 0.25, 0.5, 0.125, "< 0.375, < 0.5 with 95 % confidence", PASS,
        f"the gain over champion 3 is 0.25, and with 0.95 confidence at least 0.125; {METHOD}",
    ),
    (
        _better("log_loss"), 0.5, 0.25, 0.5, "< 0.25 with 95 % confidence", HOLD,
        "not better than champion 3: log_loss 0.5 against 0.25 "
        f"(the gain is -0.25, and with 0.95 confidence at most 0.25; {METHOD})",
    ),
    (
        _not_worse(), 0.75, 0.5, 0.25, ">= 0.5 with 95 % confidence", PASS,
        f"the gain over champion 3 is 0.25, and with 0.95 confidence at least 0; {METHOD}",
    ),
    (
        _not_worse(margin=0.25), 0.5, 0.5, 0.25, ">= 0.25 with 95 % confidence", PASS,
        f"the gain over champion 3 is 0, and with 0.95 confidence at least -0.25; {METHOD}",
    ),
    (
        _not_worse(margin=0.25), 0.5, 0.625, 0.25, ">= 0.375 with 95 % confidence", HOLD,
        "not proved not worse than champion 3 by more than 0.25: roc_auc gains -0.125, and with 0.95 confidence "
        f"that may be -0.375 ({METHOD})",
    ),
    (
        _not_worse(margin=0.25), 0.25, 0.75, 0.25, ">= 0.5 with 95 % confidence", HOLD,
        "not proved not worse than champion 3 by more than 0.25: roc_auc gains -0.5, and with 0.95 confidence "
        f"that may be -0.75 ({METHOD})",
    ),
    (
        _not_worse(margin=0.25), 0.25, 0.75, 0.125, ">= 0.5 with 95 % confidence", REJECT,
        "proved worse than champion 3 by more than 0.25: the gain is -0.5, and with 0.95 confidence at most -0.375; "
        f"{METHOD}",
    ),
    (
        _not_worse("brier_score"), 0.5, 0.25, 0.125, "<= 0.25 with 95 % confidence", REJECT,
        f"proved worse than champion 3: the gain is -0.25, and with 0.95 confidence at most -0.125; {METHOD}",
    ),
    (
        _not_worse("brier_score", margin=0.125), 0.25, 0.25, 0.25, "<= 0.375 with 95 % confidence", HOLD,
        "not proved not worse than champion 3 by more than 0.125: brier_score gains 0, and with 0.95 confidence that "
        f"may be -0.25 ({METHOD})",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "value", "champion", "reach", "threshold", "outcome", "note"), TABLE)
def test_a_gain_and_its_bounds_decide(
    gate: Any, value: float, champion: float, reach: float, threshold: str, outcome: tuple[bool, str], note: str
) -> None:
    gain = champion - value if gate.metric in ("log_loss", "brier_score") else value - champion
    result = _judge(gate, value, champion, _difference(gain, reach, gate.metric))
    assert (result.kind, result.metric, result.value, result.reference) == (gate.kind, gate.metric, value, champion)
    assert (result.threshold, result.passed, result.note) == (threshold, outcome[0], note)
    assert outcome[1] in ("any", result.on_failure)


@pytest.mark.parametrize("gate", [_better(confidence=0.9), _not_worse(margin=0.5, confidence=0.9)])
def test_only_bounds_of_the_declared_confidence_count(gate: Any) -> None:
    sure = _difference(0.2, 0.01, confidence=0.9)
    assert _judge(gate, 0.7, 0.5, _difference(0.2, 0.8), sure).passed
    assert _judge(gate, 0.7, 0.5, _difference(0.2, 0.01, "f1", 0.9), sure).passed
    for others in ((_difference(0.2, 0.01),), (_difference(0.2, 0.01, "f1", 0.9),), ()):
        result = _judge(gate, 0.7, 0.5, *others)
        assert (result.passed, result.on_failure) == (False, "hold")
        assert result.note.endswith(": the holdout is too small to tell a gain from chance")


@pytest.mark.parametrize("gate", [_better(), _not_worse(), _not_worse(margin=0.9)])
@pytest.mark.parametrize(("value", "champion"), [(math.nan, 0.5), (0.7, math.nan), (math.nan, math.nan)])
def test_what_is_no_number_proves_nothing(gate: Any, value: float, champion: float) -> None:
    for bounds in ((), (_difference(math.nan, math.nan),), (_difference(math.nan, 0.1),), (_difference(0.2, 0.1),)):
        result = _judge(gate, value, champion, *bounds)
        assert (result.passed, result.on_failure) == (False, "hold")


@pytest.mark.parametrize("gate", [_better(), _not_worse()])
@pytest.mark.parametrize("bounds", [{"lower": math.nan}, {"lower": math.nan, "upper": math.nan}])
def test_a_bound_that_is_no_number_is_no_proof(gate: Any, bounds: dict[str, float]) -> None:
    result = _judge(gate, 0.7, 0.5, _difference(0.2, 0.1).model_copy(update=bounds))
    assert (result.passed, result.on_failure) == (False, "hold")


@pytest.mark.parametrize(
    ("gate", "threshold"),
    [
        (_better(), "> champion"),
        (_better(margin=0.01), "> champion + 0.01"),
        (_better("log_loss", margin=0.01), "< champion - 0.01"),
        (_not_worse(), ">= champion"),
        (_not_worse(margin=0.01), ">= champion - 0.01"),
        (_not_worse("log_loss", margin=0.01), "<= champion + 0.01"),
    ],
)
def test_without_a_champion_it_passes_and_says_why(gate: Any, threshold: str) -> None:
    result = _judge(gate, 0.7, None)
    told = (result.outcome, result.passed, result.note, result.threshold)
    assert told == ("not_applicable", True, "no champion as of this day", threshold)
    evidence = Evidence({gate.metric: 0.7}, {}, None, "champion not scored: no column tail")
    (found,) = gate.judge(evidence)
    assert found.note == "champion not scored: no column tail"


def test_a_champion_without_a_number_of_its_own_is_just_the_champion() -> None:
    assert _judge(_better(), 0.5, 0.5, version="").note == "a tie with the champion: roc_auc 0.5"

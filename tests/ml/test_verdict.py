from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from include.config.decision import GateResult
from include.config.evidence import Difference
from include.ml.verdict import ROLLED_BACK, Case, Rival, describe_failure, reach_verdict

DAY, BEFORE, AFTER = date(2013, 5, 2), date(2013, 5, 1), date(2013, 5, 3)
PASSED = GateResult(kind="minimum", metric="roc_auc", threshold=">= 0.6", value=0.7, passed=True)
FAILED = GateResult(kind="minimum", metric="roc_auc", threshold=">= 0.8", value=0.7, passed=False)
LEAK = GateResult(kind="leak_alarm", metric="roc_auc", threshold="<= 0.65", value=0.7, passed=False, note="a leak")
FIRST = Case(
    as_of=DAY,
    metric="roc_auc",
    value=0.7,
    candidate_id="new",
    rival=None,
    newest_as_of=None,
    min_improvement=0.0,
    mode="automatic",
)
RIVAL = Rival(version="3", candidate_id="old", value=0.65)
PROVED = Difference(
    metric="roc_auc",
    value=0.05,
    standard_error=0.01,
    confidence=0.95,
    lower=0.03,
    upper=0.07,
    p_value=0.001,
    method="paired bootstrap, 2000 draws of 14 days",
)
SECOND = replace(FIRST, rival=RIVAL, newest_as_of=BEFORE, difference=PROVED)


def _against(value: float | None, **changes: object) -> Case:
    return replace(SECOND, rival=replace(RIVAL, value=value, **changes))


TABLE = [
    # one case a rule, then the rules against each other
    ("first champion", [PASSED], FIRST, "PROMOTE", "all gates passed and there is no champion: roc_auc 0.7"),
    ("better", [PASSED], SECOND, "PROMOTE", "better than champion 3: roc_auc 0.7 against 0.65"),
    ("gate failed", [PASSED, FAILED], FIRST, "REJECT", "minimum: roc_auc 0.7 is not >= 0.8"),
    (
        "all failed gates are named",
        [FAILED, LEAK],
        SECOND,
        "REJECT",
        "minimum: roc_auc 0.7 is not >= 0.8; leak_alarm: roc_auc 0.7 is not <= 0.65 (a leak)",
    ),
    (
        "better by chance, perhaps",
        [PASSED],
        replace(SECOND, difference=PROVED.model_copy(update={"lower": -0.01})),
        "HOLD",
        "better than champion 3, but not proved: roc_auc gains 0.05, and with 0.95 confidence that may be -0.01 "
        "(paired bootstrap, 2000 draws of 14 days)",
    ),
    (
        "a bound of zero is no proof",
        [PASSED],
        replace(SECOND, difference=PROVED.model_copy(update={"lower": 0.0})),
        "HOLD",
        "better than champion 3, but not proved: roc_auc gains 0.05, and with 0.95 confidence that may be 0 "
        "(paired bootstrap, 2000 draws of 14 days)",
    ),
    (
        "a bound that is no number is no proof",
        [PASSED],
        replace(SECOND, difference=PROVED.model_copy(update={"lower": math.nan})),
        "HOLD",
        "better than champion 3, but not proved: roc_auc gains 0.05, and with 0.95 confidence that may be nan "
        "(paired bootstrap, 2000 draws of 14 days)",
    ),
    (
        "too few rows to tell",
        [PASSED],
        replace(SECOND, difference=None),
        "HOLD",
        "better than champion 3, but not proved: the holdout is too small to tell a gain from chance",
    ),
    ("tie", [PASSED], _against(0.7), "HOLD", "a tie with champion 3: roc_auc 0.7"),
    ("worse", [PASSED], _against(0.71), "HOLD", "not better than champion 3: roc_auc 0.7 against 0.71"),
    (
        "not better enough",
        [PASSED],
        replace(SECOND, min_improvement=0.1),
        "HOLD",
        "not better than champion 3 by more than 0.1: roc_auc 0.7 against 0.65",
    ),
    (
        "exactly the improvement is not more",
        [PASSED],
        replace(_against(0.5), value=0.75, min_improvement=0.25),
        "HOLD",
        "not better than champion 3 by more than 0.25: roc_auc 0.75 against 0.5",
    ),
    (
        "lower is better",
        [PASSED],
        replace(_against(0.5), metric="log_loss", value=0.4),
        "PROMOTE",
        "better than champion 3: log_loss 0.4 against 0.5",
    ),
    (
        "higher is worse",
        [PASSED],
        replace(_against(0.4), metric="log_loss", value=0.5),
        "HOLD",
        "not better than champion 3: log_loss 0.5 against 0.4",
    ),
    (
        "itself",
        [PASSED],
        _against(0.5, candidate_id="new"),
        "HOLD",
        "the challenger is champion 3 itself: a tie",
    ),
    (
        "not scored",
        [PASSED],
        _against(None, not_scored="the prepared features lack tail"),
        "HOLD",
        "champion 3 could not be compared: the prepared features lack tail",
    ),
    (
        "late run, no champion then",
        [PASSED],
        replace(FIRST, newest_as_of=AFTER),
        "HOLD",
        "not newer than the champion's data: 2013-05-02 against 2013-05-03",
    ),
    (
        "late run, better than the champion of then",
        [PASSED],
        replace(SECOND, newest_as_of=AFTER),
        "HOLD",
        "not newer than the champion's data: 2013-05-02 against 2013-05-03",
    ),
    (
        "same day, other data",
        [PASSED],
        replace(SECOND, newest_as_of=DAY),
        "HOLD",
        "not newer than the champion's data: 2013-05-02 against 2013-05-02",
    ),
    (
        "a champion that is no number",
        [PASSED],
        _against(math.nan),
        "HOLD",
        "not better than champion 3: roc_auc 0.7 against nan",
    ),
    (
        "mode hold",
        [PASSED],
        replace(SECOND, mode="hold"),
        "HOLD",
        "promotion mode is hold; it would be promoted: better than champion 3: roc_auc 0.7 against 0.65",
    ),
    ("rolled back", [PASSED], replace(SECOND, barred=True), "HOLD", ROLLED_BACK),
    ("rolled back, and no champion is left", [PASSED], replace(FIRST, barred=True), "HOLD", ROLLED_BACK),
    (
        "pinned",
        [PASSED],
        replace(SECOND, pinned="by ada (audit week)"),
        "HOLD",
        "the champion is pinned by ada (audit week); it would be promoted: "
        "better than champion 3: roc_auc 0.7 against 0.65",
    ),
    (
        "a backfill",
        [PASSED],
        replace(SECOND, backfill=True),
        "HOLD",
        "a backfill promotes nothing; it would be promoted: better than champion 3: roc_auc 0.7 against 0.65",
    ),
    (
        "a backfill's first",
        [PASSED],
        replace(FIRST, backfill=True),
        "HOLD",
        "a backfill promotes nothing; it would be promoted: all gates passed and there is no champion: roc_auc 0.7",
    ),
    ("a failed gate beats a rollback", [LEAK], replace(SECOND, barred=True), "REJECT", describe_failure(LEAK)),
    ("a failed gate beats a pin", [LEAK], replace(SECOND, pinned="by ada (x)"), "REJECT", describe_failure(LEAK)),
    ("a failed gate beats a backfill", [LEAK], replace(SECOND, backfill=True), "REJECT", describe_failure(LEAK)),
    (
        "rolled back beats what was not scored",
        [PASSED],
        replace(_against(None, not_scored="no rows"), barred=True),
        "HOLD",
        ROLLED_BACK,
    ),
    (
        "a tie beats a pin: nothing would be promoted anyway",
        [PASSED],
        replace(_against(0.7), pinned="by ada (x)"),
        "HOLD",
        "a tie with champion 3: roc_auc 0.7",
    ),
    (
        "a late run beats a pin",
        [PASSED],
        replace(SECOND, newest_as_of=AFTER, pinned="by ada (x)", backfill=True),
        "HOLD",
        "not newer than the champion's data: 2013-05-02 against 2013-05-03",
    ),
    (
        "a pin beats a backfill and mode hold",
        [PASSED],
        replace(FIRST, pinned="by ada (x)", backfill=True, mode="hold"),
        "HOLD",
        "the champion is pinned by ada (x); it would be promoted: "
        "all gates passed and there is no champion: roc_auc 0.7",
    ),
    (
        "a backfill beats mode hold",
        [PASSED],
        replace(FIRST, backfill=True, mode="hold"),
        "HOLD",
        "a backfill promotes nothing; it would be promoted: all gates passed and there is no champion: roc_auc 0.7",
    ),
    (
        "a failed gate beats mode hold",
        [FAILED],
        replace(FIRST, mode="hold"),
        "REJECT",
        "minimum: roc_auc 0.7 is not >= 0.8",
    ),
    (
        "a failed gate beats a late run",
        [FAILED],
        replace(FIRST, newest_as_of=AFTER),
        "REJECT",
        "minimum: roc_auc 0.7 is not >= 0.8",
    ),
]


@pytest.mark.parametrize(("name", "gates", "case", "verdict", "reason"), TABLE, ids=[row[0] for row in TABLE])
def test_the_first_rule_that_applies_decides(
    name: str, gates: list[GateResult], case: Case, verdict: str, reason: str
) -> None:
    assert reach_verdict(gates, case) == (verdict, reason)


def test_a_challenger_that_is_no_number_is_never_promoted_over_a_champion() -> None:
    verdict, _ = reach_verdict([PASSED], replace(SECOND, value=math.nan))
    assert verdict == "HOLD"

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from include.domain.decision import GateResult
from include.domain.promotion_rules import ROLLED_BACK, Case, Rival, describe_failure, reach_verdict

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
    mode="automatic",
)
RIVAL = Rival(version="3", candidate_id="old", value=0.65)
SECOND = replace(FIRST, rival=RIVAL, newest_as_of=BEFORE)


def _held(kind: str, note: str, metric: str = "roc_auc") -> GateResult:
    """Return a gate that is not proved."""
    return GateResult(
        kind=kind, metric=metric, threshold="> 0.65", value=0.7, passed=False, on_failure="hold", note=note
    )


UNPROVED = _held("better_than_champion", "better than champion 3, but not proved: roc_auc gains 0.05")
TIE = _held("better_than_champion", "a tie with champion 3: roc_auc 0.7")
MAY_BE_WORSE = _held("not_worse_than_champion", "not proved not worse than champion 3")
WORSE = GateResult(
    kind="not_worse_than_champion",
    metric="roc_auc",
    threshold=">= 0.75 with 95 % confidence",
    value=0.7,
    passed=False,
    note="proved worse than champion 3",
)


def _against(value: float | None, **changes: object) -> Case:
    return replace(SECOND, rival=replace(RIVAL, value=value, **changes))


TABLE = [
    # one case a rule, then the rules against each other
    ("first champion", [PASSED], FIRST, "PROMOTE", "all gates passed and there is no champion: roc_auc 0.7"),
    ("better", [PASSED], SECOND, "PROMOTE", "better than champion 3: roc_auc 0.7 against 0.65"),
    (
        "the champion itself fails",
        [FAILED],
        _against(0.7, candidate_id="new", in_force=True),
        "REJECT",
        "the model in production no longer meets your minimum: minimum: roc_auc 0.7 is not >= 0.8",
    ),
    (
        "the champion of a late run's day fails",
        [LEAK, FAILED],
        _against(0.7, candidate_id="new"),
        "REJECT",
        "champion 3 itself no longer meets your minimum and your gate leak_alarm: "
        f"{describe_failure(LEAK)}; {describe_failure(FAILED)}",
    ),
    ("gate failed", [PASSED, FAILED], FIRST, "REJECT", "minimum: roc_auc 0.7 is not >= 0.8"),
    (
        "all failed gates are named",
        [FAILED, LEAK],
        SECOND,
        "REJECT",
        "minimum: roc_auc 0.7 is not >= 0.8; leak_alarm: roc_auc 0.7 is not <= 0.65 (a leak)",
    ),
    ("not proved", [PASSED, UNPROVED], SECOND, "HOLD", UNPROVED.note),
    ("tie", [PASSED, TIE], SECOND, "HOLD", TIE.note),
    (
        "what holds without a sentence of its own",
        [_held("slice", "Newark")],
        SECOND,
        "HOLD",
        "slice: roc_auc 0.7 is not > 0.65 (Newark)",
    ),
    (
        "a missing gain says that it may be worse",
        [MAY_BE_WORSE, PASSED, UNPROVED],
        SECOND,
        "HOLD",
        UNPROVED.note,
    ),
    (
        "of another metric that goes not without saying, and the gain comes first",
        [MAY_BE_WORSE.model_copy(update={"metric": "f1"}), UNPROVED],
        SECOND,
        "HOLD",
        "better than champion 3, but not proved: roc_auc gains 0.05; not proved not worse than champion 3",
    ),
    (
        "better, and may be worse by more than another gate allows",
        [MAY_BE_WORSE, PASSED],
        SECOND,
        "HOLD",
        "not proved not worse than champion 3",
    ),
    (
        "proved worse",
        [WORSE, UNPROVED],
        SECOND,
        "REJECT",
        "not_worse_than_champion: roc_auc 0.7 is not >= 0.75 with 95 % confidence (proved worse than champion 3)",
    ),
    ("what holds does not reject", [FAILED, UNPROVED], SECOND, "REJECT", "minimum: roc_auc 0.7 is not >= 0.8"),
    (
        "lower is better",
        [PASSED],
        replace(_against(0.5), metric="log_loss", value=0.4),
        "PROMOTE",
        "better than champion 3: log_loss 0.4 against 0.5",
    ),
    (
        "itself",
        [PASSED, TIE],
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
    ("rolled back beats a tie", [PASSED, TIE], replace(SECOND, barred=True), "HOLD", ROLLED_BACK),
    (
        "not proved beats a late run",
        [UNPROVED],
        replace(SECOND, newest_as_of=AFTER, backfill=True, mode="hold"),
        "HOLD",
        UNPROVED.note,
    ),
    (
        "not scored beats what is not proved",
        [UNPROVED],
        _against(None, not_scored="the prepared features lack tail"),
        "HOLD",
        "champion 3 could not be compared: the prepared features lack tail",
    ),
    (
        "rolled back beats what was not scored",
        [PASSED],
        replace(_against(None, not_scored="no rows"), barred=True),
        "HOLD",
        ROLLED_BACK,
    ),
    (
        "a tie beats a pin: nothing would be promoted anyway",
        [PASSED, TIE],
        replace(SECOND, pinned="by ada (x)"),
        "HOLD",
        TIE.note,
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


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.79, "0.79 is not >= 0.8"), (0.79999996, "0.79999996 is not >= 0.8"), (0.8 - 1e-12, "0.799999999999 is not")],
)
def test_a_value_is_not_rounded_to_the_bound_that_it_missed(value: float, written: str) -> None:
    assert written in describe_failure(FAILED.model_copy(update={"value": value}))

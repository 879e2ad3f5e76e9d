"""The lines of Markdown by which a person says yes or no."""

from __future__ import annotations

from include.domain.evidence import Measurements, Money, OperatingPoint
from include.reports.markdown import summary
from tests.reports.decisions import FAILED_GATE, GATES, MEASUREMENTS, decision


def point(value: float | None) -> OperatingPoint:
    return OperatingPoint(
        threshold=0.4,
        objective="value",
        true_positives=10,
        false_positives=5,
        false_negatives=3,
        true_negatives=82,
        value_per_1000=value,
    )


def money() -> Measurements:
    worth = Money(currency="EUR", always_the_same=900, all_yes=False, challenger_curve=((0.4, 1234.5),))
    return MEASUREMENTS.model_copy(
        update={"money": worth, "points": {"challenger": point(1234.5), "champion": point(1100.2)}}
    )


def test_everything_that_decides_is_told_in_the_order_in_which_it_is_asked() -> None:
    lines = summary(decision(measurements=money())).splitlines()
    assert lines[0] == "**PROMOTE**: roc_auc is better than the champion's by 0.0147, more than 0.002."
    assert [line for line in lines if line.startswith("- ")] == [
        "- **Candidate**: version 4, xgboost, data up to 2013-06-01",
        "- **Champion**: version 3, logistic_regression, data up to 2013-05-20",
        "- **Gain**: roc_auc 0.6538, champion 0.6391: better by 0.0147, and with 95 % confidence by at least 0.0076",
        "- **Worth**: 1,234 EUR per 1,000 rows, champion 1,100; the same answer for every row would earn 900",
        "- **Judged on**: 12,874 rows of 2013-05-18 to 2013-05-31; trained on 41,950 rows of 2013-04-02 to 2013-05-17",
    ]
    assert "4 of 4 gates passed:" in lines
    assert [line for line in lines if line.startswith("|")] == [
        "| Gate | Of | Demanded | Got | Result |",
        "| --- | --- | --- | --- | --- |",
        "| minimum | roc_auc | >= 0.58 | 0.6538 | pass |",
        "| beats_baseline | roc_auc | > 0.55 | 0.6538 | pass |",
        "| not_worse_than_champion | roc_auc | >= 0.6291 | 0.6538 | pass |",
        "| leak_alarm | roc_auc | \\<= 0.85 | 0.6538 | pass |",
    ]


def test_a_first_model_has_nothing_to_gain_on() -> None:
    text = summary(decision(champion=None, measurements=Measurements()))
    assert "- **Champion**: none yet\n- **Result**: roc_auc 0.6538\n" in text
    assert "Gain" not in text and "Worth" not in text


def test_what_failed_comes_first_with_its_note_and_what_is_unknown_is_said() -> None:
    unknown = FAILED_GATE.model_copy(update={"value": None, "note": "", "metric": "p95", "unit": "ms"})
    held = FAILED_GATE.model_copy(update={"on_failure": "hold", "note": ""})
    lines = summary(decision(gates=(*GATES, FAILED_GATE, unknown, held))).splitlines()
    rows = [line for line in lines if "FAIL" in line or "| **HOLD**" in line]
    assert rows == [
        f"| leak_alarm | roc_auc | \\<= 0.64 | 0.6538 | **FAIL**: {FAILED_GATE.note} |",
        "| leak_alarm | p95 | \\<= 0.64 | not known | **FAIL** |",
        "| leak_alarm | roc_auc | \\<= 0.64 | 0.6538 | **HOLD** |",
    ]


def test_no_text_of_the_data_becomes_markup() -> None:
    first = summary(decision(reason="a | b <img src=x>\n[here](http://evil) *x* _y_ a_b &amp; `c` ~d~")).splitlines()[0]
    told = r"a \| b \<img src=x> \[here\](http://evil) \*x\* \_y\_ a_b \&amp; \`c\` \~d\~."
    assert first == f"**PROMOTE**: {told}"

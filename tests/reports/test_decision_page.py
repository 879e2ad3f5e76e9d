"""The decision's page says the verdict first and why, and shows all evidence; what is not known is left out."""

from __future__ import annotations

import re

from include.domain.evidence import Measurements
from include.domain.explanation import Explanation
from include.reports.decision_page import render
from tests.reports.decisions import (
    CHALLENGER,
    CHAMPION,
    DIFFERENCE,
    FAILED_GATE,
    GATES,
    MEASUREMENTS,
    decision,
    declared,
)
from tests.reports.evidence import FULL, full, gate
from tests.reports.explanations import explanation
from tests.reports.reading import Page, text_of


def sections(html: str) -> list[str]:
    """Return the anchors of the page's sections, in order."""
    return re.findall(r'<section id="([^"]+)"', html)


def test_the_page_begins_with_the_verdict_why_money_and_who_is_touched() -> None:
    text = text_of(render(full(verdict="PROMOTE", gates=GATES)))

    assert text.startswith(
        "PROMOTE xgboost proved better than the champion (version 3). flight_delay · as of 2013-06-01 · "
        "decided 2013-06-02 09:04 UTC Why ROC AUC is better than the champion's by 0.0147, more than 0.002. "
        "All 4 gates are passed. ROC AUC gains 0.0147 on the same 12 874 rows. With 95 % confidence the gain is at "
        "least +0.0076, so chance alone is an unlikely cause. What it earns "
        "1,000 rows earn 412.3 EUR with the challenger: 40.40 EUR more than with the champion "
        "and 373.8 EUR more than with always saying no."
    )
    assert (
        "What changes, and for whom Of 1,000 rows it answers yes to 231, the champion to 227: 5 more positives found "
        "and 1.6 fewer false alarms. Likely served better: airline UA (ROC AUC +0.0450);"
    ) in text
    assert "Likely served worse: origin_airport LGA (ROC AUC −0.0351). Between the groups of senior_citizen" in text
    assert "Between the groups of senior_citizen, the share of yes differs by up to 24.0 percentage points." in text


def test_a_closed_gate_is_the_reason_in_plain_words() -> None:
    text = text_of(render(full()))

    assert text.startswith("REJECT xgboost failed 3 of 21 gates; the champion (version 3) stays.")
    assert (
        "Why A group of rows is worse off than with the champion: proved worse in origin_airport LGA: 0.6049 against "
        "the champion's 0.64. It does not serve: the process ended with signal 9. What it earns"
    ) in text
    assert "As the champion stays, this changes nothing." in text


def test_what_the_project_declares_stands_on_the_first_screen() -> None:
    text = text_of(render(decision(), project=declared(description="Which flights arrive late.")))

    assert "Which flights arrive late. A yes says: late. flight_delay · as of" in text


def test_the_page_holds_the_evidence() -> None:
    text = text_of(render(full(), explanation()))

    for evidence in (
        "12 874 rows 22.1 % positive",
        "Not worse than the champion: ROC AUC >= 0.6291 with 95 % confidence 0.6538 champion 0.6391 ✓ passed",
        "No feature tells the answer: features that are the target under another name <= 0 0 – ✓ passed",
        "No feature tells the answer: ROC AUC the best of 12 nights before <= 0.7601 0.6538 best before 0.6601",
        "Groups of people treated alike: demographic parity difference, senior_citizen answered yes: 41 % <= 0.3",
        "Serves in a clean process: rows answered the process ended with signal 9 >= 1 row 0 rows – ✗ REJECT",
        "Earns money: earned by 1,000 rows >= 371.9 EUR 412.3 EUR champion 371.9 EUR ✓ passed",
        "Better than the baseline: ROC AUC > 0.55 0.6538 baseline 0.5000 ✓ passed",
        "Answers fast enough: time for 95 of 100 rows <= 6.12 ms 4.82 ms champion 2.04 ms ✓ passed",
        "Takes little memory <= 512 MB 118.4 MB – ✓ passed",
        "ROC AUC primary, higher is better 0.6538 0.6391 +0.0147 0.5000",
        "Brier score lower is better 0.1702 0.1695 −0.0007 0.1761",
        "With 95 % confidence the gain is at least +0.0076, so chance alone is an unlikely cause.",
        "Average precision paired bootstrap, 2000 draws of 14 days; each bound at 90 % +0.0129 −0.0021 +0.0279 0.081",
        "DeLong ROC AUC +0.0147 0.002 rows independent",
        "McNemar Accuracy −0.0020 0.310 rows independent",
        "challenger: off by 1.2 percentage points on average champion: off by 4.6 percentage points on average",
        "The challenger's Brier score is 0.1700; better calibration would take away 0.0012 of it. The champion's",
        "Challenger: yes from a score of 0.312 on (most money on the train part)",
        "Answered yes 1 490 found 1 480 false alarms Answered no 1 359 missed 8 545 left alone",
        "Of the yes, 50.2 % are right (precision). Of the positives, 52.3 % are found (recall)",
        "Positives missed 106 111 −5.0",
        "The dotted line is what always saying no earns: 38.50 EUR for 1,000 rows.",
        "LGA 1 800 20.0 % 0.6049 0.6400 −0.0351 −0.0551 to −0.0151",
        "HA too few rows to judge 3 20.0 % – – –",
        "(missing) too few to compare 3 0.0 % – 0.0 %",
        "Largest difference in positives found or false alarms: 19.0 percentage points (equalised odds).",
        "later departures are later for example: departure_minute 600 to 900: 0.31 to 0.29 directional 500 93.0 %",
        "aircraft_delay_yesterday new: the champion does not have it 0.0171 ± 0.0009 – –",
        "same_flight_delay_yesterday gone: only the champion has it – 0.0042 ± 0.0007 –",
        "Each feature was shuffled 5 times on 5 000 of the 12 874 rows of the holdout",
        "departure_minute > 1200 and airline in UA, B6 812 41.0 % 29.0 % 0.7321",
        "0.0312 positive departure_minute 1275, airline UA, plane_built missing",
        "95 of 100 rows within 4.82 ms champion 2.04 ms, side by side",
        "The best ROC AUC of the 12 nights before is 0.6601; tonight's is 0.6538.",
        "departure_minute 0.6120 aircraft_delay_yesterday 0.5880",
        "xgboost xgboost · chosen as challenger learning_rate 0.06, max_depth 5, n_estimators 150 0.6412 ± 0.0121",
        "logistic_regression logistic_regression library defaults 0.6288 ± 0.0098",
        "Train 2013-04-02 2013-05-17 46 41 950",
        "Holdout 2013-05-18 2013-05-31 14 12 874",
        "A small model tells rows of the holdout from those of the train part with ROC AUC 0.6312, so something",
        "./nightshift reproduce flight_delay 4",
        "Decision 2013-06-01-7be1f0a2",
        "xgboost, version 4 9f2c41d7a0be",
        "file:///srv/store/flight_delay/models/9f2c41d7a0be/model.skops",
        "logistic_regression, version 3, as of 2013-05-20 11aa22bb33cc",
        "manual__2013-06-02T09:00:00+00:00 of flight_delay__retrain (manual, by admin)",
        *("ab" * 20, "c4" * 32, "d5" * 32, "ef" * 32),
    ):
        assert evidence in text


def test_gates_that_reject_come_first_then_those_that_hold_then_the_passed() -> None:
    html = render(full())

    assert re.findall(r'<span class="mark (\w+)">[✓✗–] (?:passed|HOLD|REJECT)', html)[:21] == [
        *["REJECT"] * 2, "HOLD", *["passed"] * 18,
    ]  # fmt: skip
    text = text_of(render(decision(verdict="REJECT", gates=(*GATES, FAILED_GATE))))
    assert (
        "Result Not too good to be true: ROC AUC too good to be true: look for a feature that is not known at "
        "prediction time <= 0.64 0.6538 – ✗ REJECT"
    ) in text
    assert "4 of 5 not too good to be true: failed" in text


def test_every_section_is_listed_at_the_top_and_what_has_nothing_to_say_is_left_out() -> None:
    everything = render(full(), explanation())
    assert sections(everything) == [
        "gates", "comparison", "curves", "calibration", "answers", "money", "slices", "fairness", "behaviour",
        "importance", "errors", "runtime", "leakage", "candidates", "data", "origin",
    ]  # fmt: skip
    assert re.findall(r'<a href="#([^"]+)"', everything) == sections(everything)

    little = render(decision(champion=None, measurements=Measurements()))
    assert sections(little) == ["gates", "comparison", "candidates", "data", "origin"]
    assert re.findall(r'<a href="#([^"]+)"', little) == sections(little)
    for heading in ("What it earns", "What changes", "How sure is the gain", "Classical tests", "drift", "data report"):
        assert heading not in text_of(little)


def test_long_lists_fold() -> None:
    html = render(full(), explanation())

    assert re.findall(r"<summary>([^<]+)</summary>", html) == [
        "3 more groups of airline",
        "4 less important features",
        "The 2 rows it got most wrong",
    ]


def test_both_curves_are_drawn_inside_the_plot() -> None:
    bare = decision(measurements=MEASUREMENTS.model_copy(update={"calibration": {}}))
    areas = {role: found.model_copy(update={"precision_recall": ()}) for role, found in explanation().curves.items()}
    html = render(bare, Explanation(curves=areas))

    lines = re.findall(r'<polyline class="(\w+)" points="([^"]+)"', html)
    points = [[tuple(map(float, pair.split(","))) for pair in line.split()] for _, line in lines]
    # the challenger's is drawn last, above
    assert [role for role, _ in lines] == ["champion", "challenger"]
    assert [len(line) for line in points] == [101, 101]
    assert all(line[0] == (0, 300) and line[-1] == (300, 0) for line in points)
    assert all(0 <= x <= 300 and 0 <= y <= 300 for line in points for x, y in line)
    assert 'aria-label="ROC curves: challenger, area 0.6538; champion, area 0.6391"' in html


def test_each_plot_says_in_words_what_there_is_to_see() -> None:
    labels = Page(render(full(), explanation())).values("aria-label")

    assert labels == [
        "On this page",
        "ROC curves: challenger, area 0.6538; champion, area 0.6391",
        "Precision-recall curves: challenger, average precision 0.3641; champion, average precision 0.3512; "
        "without a model 22.1\u00a0%",
        "Reliability: challenger, expected calibration error 0.0123; champion, expected calibration error 0.0456",
        "What 1,000 rows earn at each threshold; challenger at its threshold 0.312: 412.3\u00a0EUR; "
        "champion at its threshold 0.335: 371.9\u00a0EUR",
    ]


def test_a_decision_without_champion_curves_or_cross_validation_is_shown() -> None:
    challenger = CHALLENGER.model_copy(update={"cv_mean": None, "cv_std": None, "version": "", "tracking_run_id": ""})
    judged = decision(champion=None, others=(), challenger=challenger, baseline={})

    text = text_of(render(judged))

    assert "Champion none as of this day" in text
    assert "MLflow run not recorded" in text
    assert "no champion as of this day" in text
    assert "nightshift reproduce" not in text


def test_a_champion_that_could_not_be_scored_is_said() -> None:
    unscored = CHAMPION.model_copy(update={"holdout": {}})

    text = text_of(render(decision(champion=unscored)))

    assert "Champion, same holdout – could not be scored" in text


def test_a_challenger_that_answers_nothing_is_shown() -> None:
    silent = CHALLENGER.model_copy(update={"holdout": {}})
    closed = gate("serves", "answers", None, False, note="the model answers no probabilities")
    judged = decision(verdict="REJECT", challenger=silent, gates=(closed,), baseline={}, measurements=Measurements())

    text = text_of(render(judged, Explanation(), declared()))

    assert "Why It does not serve: the model answers no probabilities. ROC AUC on the holdout" in text
    assert "The data report" not in text


def test_it_says_when_chance_may_be_the_cause() -> None:
    unsure = MEASUREMENTS.model_copy(update={"differences": (DIFFERENCE.model_copy(update={"lower": -0.001}),)})
    text = text_of(render(decision(verdict="HOLD", measurements=unsure)))

    assert "at least −0.0010, so chance alone may be its cause; without proof the champion stays." in text


def test_a_model_that_does_not_serve_and_a_leak_are_said_in_words() -> None:
    assert FULL.runtime and FULL.leakage
    broken = FULL.model_copy(
        update={
            "runtime": FULL.runtime.model_copy(
                update={"error": "answered 1 of 3 rows", "p50_ms": None, "p95_ms": None}
            ),
            "leakage": FULL.leakage.model_copy(update={"same_as_target": ("refund", "delay"), "best_before": None}),
        }
    )
    text = text_of(render(full(measurements=broken)))

    assert "✗ does not serve answered 1 of 3 rows Memory to load" in text
    assert "✗ these features determine the target refund and delay" in text
    assert "nights before is" not in text


def test_what_no_gate_looks_at_is_said_to_be_for_people() -> None:
    said = "Shown for people to judge; no gate looks at it."

    assert text_of(render(full(gates=GATES))).count(said) == 2
    assert said not in text_of(render(full()))


def test_one_night_before_is_one_night() -> None:
    assert FULL.leakage
    once = FULL.model_copy(update={"leakage": FULL.leakage.model_copy(update={"best_before": (0.66, 1)})})

    assert "The best ROC AUC of the night before is 0.6600;" in text_of(render(full(measurements=once)))


def test_intervals_of_challenger_and_champion_are_shown_where_there_are_any() -> None:
    sure = decision(
        challenger=CHALLENGER.model_copy(update={"interval": (0.6389, 0.66812)}),
        champion=CHAMPION.model_copy(update={"interval": (0.62, 0.65)}),
        measurements=Measurements(),
    )
    text = text_of(render(sure))
    assert "0.6538 xgboost 95 %: 0.6389 to 0.6681" in text
    assert "0.6391 challenger +0.0147 95 %: 0.6200 to 0.6500" in text
    assert "The 95 % interval of ROC AUC, 0.6389 to 0.6681, is found by drawing whole days" in text
    assert "95 %" not in text_of(render(decision(measurements=Measurements())))

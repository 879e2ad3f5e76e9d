"""The first screen says every verdict in a sentence, and why, in words for people who know nothing of models."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from include.config.gates import Gate
from include.domain.results import Verdict
from include.reports.first_screen import (
    FAILED,
    answers_sentence,
    earnings,
    group_sentences,
    headline,
    money_sentence,
    plain_failure,
    reasons,
    sureness,
)
from tests.reports.decisions import DIFFERENCE, FAILED_GATE, GATES, decision
from tests.reports.evidence import FULL, GROUPS, POINTS, gate, group

HELD = gate("better_than_champion", "surely > 0", 0.001, False, metric="roc_auc", on_failure="hold")


@pytest.mark.parametrize(
    ("verdict", "changes", "sentence"),
    [
        ("PROMOTE", {}, "xgboost proved better than the champion (version 3)."),
        ("PROMOTE", {"champion": None}, "xgboost passed every gate: a first champion."),
        ("HOLD", {}, "xgboost passed every gate; the champion (version 3) stays."),
        ("HOLD", {"gates": (*GATES, HELD)}, "xgboost is not proved better; the champion (version 3) stays."),
        ("HOLD", {"champion": None}, "xgboost passed every gate; nothing is promoted."),
        (
            "REJECT",
            {"gates": (*GATES, FAILED_GATE, HELD)},
            "xgboost failed 2 of 6 gates; the champion (version 3) stays.",
        ),
        (
            "REJECT",
            {"gates": (FAILED_GATE,), "champion": None},
            "xgboost failed 1 of 1 gates; there is still no champion.",
        ),
    ],
)  # fmt: skip
def test_the_verdict_in_a_sentence(verdict: Verdict, changes: dict[str, Any], sentence: str) -> None:
    assert headline(decision(verdict=verdict, **changes)) == sentence


def test_every_kind_of_gate_has_a_sentence_for_when_it_is_closed() -> None:
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Gate)[0])}

    # that of not_worse_than_champion depends on whether it is worse, or only not proved
    assert kinds == {*FAILED, "not_worse_than_champion"}


@pytest.mark.parametrize(
    ("closed", "sentence"),
    [
        (
            gate("calibration", "<= 0.05", 0.0812, False, metric="ece"),
            "Its scores do not mean what they say: expected calibration error is 0.0812, demanded <= 0.05.",
        ),
        (
            gate("latency", "<= 20 ms", 31.42, False, metric="p95", unit="ms"),
            "It answers too slowly: time for 95 of 100 rows is 31.42\u00a0ms, demanded <= 20 ms.",
        ),
        (
            gate("minimum", ">= 0.6", None, False, metric="roc_auc", note="the model answers no probabilities"),
            "It is not good enough, as far as is known: ROC AUC could not be measured "
            "(the model answers no probabilities).",
        ),
        (
            gate("not_worse_than_champion", ">= -0.01", -0.02, False, metric="f1"),
            "It is worse than the champion: F1 is −0.0200, demanded >= -0.01.",
        ),
        (
            gate("not_worse_than_champion", ">= -0.01", -0.002, False, metric="f1", on_failure="hold"),
            "It may be worse than the champion: F1 is −0.0020, demanded >= -0.01.",
        ),
        (
            gate(
                "not_worse_than_champion", ">= 0.62", 0.6, False, metric="roc_auc", note="proved worse than champion 3"
            ),
            "It is worse than the champion: proved worse than champion 3.",
        ),
        (
            gate("leakage", "<= 0", 2.0, False, metric="features_same_as_target", note="refund, delay"),
            "Something seems to tell it the answer: features that are the target under another name is 2, "
            "demanded <= 0 (refund, delay).",
        ),
        (
            gate("beats_baseline", "> 0.5", 0.52, False, metric="roc_auc", note="better by 0.02, but not proved: luck"),
            "It is not proved better than always answering the same: better by 0.02, but not proved: luck.",
        ),
        (
            gate("holdout", ">= 50", 2.0, False, metric="holdout_rows"),
            "The holdout is too small to prove anything: rows in the holdout is 2, demanded >= 50.",
        ),
        (gate("novel", "> 1", 0.5, False), "The gate novel failed: novel is 0.5000, demanded > 1."),
    ],
)
def test_a_closed_gate_in_a_sentence(closed: Any, sentence: str) -> None:
    assert plain_failure(closed) == sentence


def test_gates_that_reject_are_the_reason_before_those_that_hold() -> None:
    assert [reason.partition(":")[0] for reason in reasons(decision(gates=(HELD, FAILED_GATE)))] == [
        "It is too good to be true"
    ]
    assert [reason.partition(":")[0] for reason in reasons(decision(gates=(HELD, *GATES)))] == [
        "It is not proved better than the champion"
    ]
    assert reasons(decision(measurements=FULL.model_copy(update={"differences": ()}))) == ["All 4 gates are passed."]


def test_money_is_compared_with_the_champion_and_with_one_answer_for_all() -> None:
    judged = decision(measurements=FULL)
    assert [(each.role, each.value) for each in earnings(judged)] == [
        ("challenger", 412.3), ("champion", 371.9), ("same", 38.5),
    ]  # fmt: skip
    assert earnings(judged)[0].width == 100

    first = FULL.model_copy(update={"points": {"challenger": POINTS["challenger"]}})
    assert money_sentence(decision(measurements=first, champion=None)) == (
        "1,000 rows earn 412.3\u00a0EUR with the challenger: 373.8\u00a0EUR more than with always saying no."
    )
    assert FULL.money
    loses = FULL.model_copy(update={"money": FULL.money.model_copy(update={"always_the_same": 1500, "all_yes": True})})
    assert "1\u202f088\u00a0EUR less than with always saying yes." in money_sentence(decision(measurements=loses))
    assert money_sentence(decision()) == ""


def test_what_the_answers_change() -> None:
    first = FULL.model_copy(update={"points": {"challenger": POINTS["challenger"]}})
    assert answers_sentence(decision(measurements=first)) == (
        "Of 1,000 rows it answers yes to 231: 116 rightly and 115 as false alarms. It misses 106."
    )
    same = FULL.model_copy(update={"points": dict.fromkeys(("challenger", "champion"), POINTS["champion"])})
    assert answers_sentence(decision(measurements=same)).endswith("as many positives found and as many false alarms.")
    assert answers_sentence(decision()) == ""


def test_groups_that_surely_move_are_named_if_they_are_large_enough_to_judge() -> None:
    assert group_sentences(decision(measurements=FULL)) == [
        "Likely served better: airline UA (ROC AUC +0.0450); airline B6 (ROC AUC +0.0390); airline EV "
        "(ROC AUC +0.0330); and 3 more.",
        "Likely served worse: origin_airport LGA (ROC AUC −0.0351).",
    ]
    # the groups that gain most of all, and that have no gain, are too small
    assert {each.group for each in GROUPS} > {"OO", "HA"}


def test_what_chance_may_have_made_is_said_to_be_so() -> None:
    unsure = FULL.model_copy(update={"groups": (group("city", "Oslo", 0.01), group("city", "Bonn", -0.015))})
    assert group_sentences(decision(measurements=unsure)) == [
        "Of 2 groups of rows none is likely served better or worse; the largest change is city Bonn "
        "(ROC AUC −0.0150), which chance may have made."
    ]
    assert group_sentences(decision()) == []


@pytest.mark.parametrize(
    ("value", "lower", "upper", "sentence"),
    [
        (0.0147, 0.0076, 0.02, "gains 0.0147 {} the gain is at least +0.0076, so chance alone is an unlikely cause."),
        (
            0.004,
            -0.001,
            0.02,
            "gains 0.0040 {} the gain is at least −0.0010, so chance alone may be its cause; without proof the "
            "champion stays.",
        ),
        (-0.002, -0.005, 0.0009, "loses 0.0020 {} the gain is at most +0.0009: chance alone may be its cause."),
        (-0.02, -0.03, -0.01, "loses 0.0200 {} the gain is at most −0.0100: chance alone is an unlikely cause."),
        (0.0, 0.0, 0.0, "is the same {} the gain is at most +0.0000: chance alone may be its cause."),
    ],
)
def test_whether_chance_may_be_the_cause(value: float, lower: float, upper: float, sentence: str) -> None:
    found = DIFFERENCE.model_copy(update={"value": value, "lower": lower, "upper": upper})
    said = sureness(decision(measurements=FULL.model_copy(update={"differences": (found,)})))

    assert re.sub("[\u00a0\u202f]", " ", said) == (
        "ROC AUC " + sentence.format("on the same 12 874 rows. With 95 % confidence")
    )

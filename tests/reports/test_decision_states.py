"""Whatever state a decision is in, no page and no message says what is not so: a table of states, read everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from include.cli import decision_view
from include.domain.decision import Decision, GateResult, RowName
from include.domain.evidence import Money, OperatingPoint
from include.domain.results import Origin, Span
from include.reports.decision_page import render
from include.reports.decision_state import count_gates, counted
from include.reports.first_screen import consequence, headline
from include.reports.markdown import comment, summary
from include.reports.model_card import model_card
from tests.reports.decisions import CHALLENGER, CHAMPION, DIFFERENCE, GATES, MEASUREMENTS, decision, declared
from tests.reports.evidence import FULL, gate
from tests.reports.explanations import explanation
from tests.reports.reading import text_of

ITSELF = CHAMPION.model_copy(update={"candidate_id": CHALLENGER.candidate_id, "candidate": "xgboost"})
LOW = gate("minimum", ">= 0.7", 0.6538, False, metric="roc_auc")
UNPROVED = gate(
    "better_than_champion", "> 0.6391 with 95 % confidence", 0.64, False, metric="roc_auc", on_failure="hold",
    reference=0.6391, note="better than champion 3, but not proved: roc_auc gains 0.0009, and with 0.95 confidence",
)  # fmt: skip
UNCALIBRATED = gate("calibration", "<= 0.01", 0.2, False, metric="ece")
NOT_JUDGED = tuple(
    gate(kind, "<= champion", None, metric=metric, note="no champion as of this day", outcome="not_applicable")
    for kind, metric in (("stability", "psi"), ("not_worse_than_champion", "roc_auc"))
)
OFF = gate("latency", "off", None, metric="p95", outcome="off", because="the batch is read once a day")
CLOSE = DIFFERENCE.model_copy(update={"value": 0.0009, "lower": -0.004, "upper": 0.006})
CLOSELY = FULL.model_copy(update={"differences": (CLOSE,)})
BACKFILL = Origin(run_id="r", dag_id="flight_delay__retrain", run_type="backfill")
NOT_COMPARED = {"differences": (), "stability": None, "tests": ()}
NO_PEOPLE = MEASUREMENTS.model_copy(update=NOT_COMPARED)


def point(earned: float, yes: int = 10) -> OperatingPoint:
    """Return answers at a threshold."""
    return OperatingPoint(
        threshold=0.4, objective="value", true_positives=yes, false_positives=yes, false_negatives=3,
        true_negatives=82, value_per_1000=earned,
    )  # fmt: skip


def money(ours: float, theirs: float | None = None, same: float = 0.0, yes: int = 10) -> Any:
    """Return measurements with money."""
    worth = Money(currency="USD", always_the_same=same, all_yes=False, challenger_curve=((0.4, ours),))
    points = {"challenger": point(ours, yes)} | ({} if theirs is None else {"champion": point(theirs)})
    return MEASUREMENTS.model_copy(update={"money": worth, "points": points})


@dataclass(frozen=True)
class State:
    """Hold one state, and what everything that is said of it has, or has not, in common."""

    verdict: str
    changes: dict[str, Any] = field(default_factory=dict)
    headline: str = ""
    page: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    @property
    def decision(self) -> Decision:
        return decision(**{"verdict": self.verdict, **self.changes})


STATES: dict[str, State] = {
    "the champion itself fails": State(
        "REJECT",
        {
            "champion": ITSELF,
            "in_force_version": "3",
            "gates": (*GATES[1:], LOW),
            "measurements": money(412.3, 412.3),
            "reason": "the model in production no longer meets your minimum: minimum: roc_auc 0.6538 is not >= 0.7",
        },
        "The model in production no longer meets your minimum: xgboost (version 3) failed 1 of 4 gates.",
        page=(
            "no longer meets your minimum",
            "1,000 rows earn 412.3 USD with the model in production: 412.3 USD more than with always saying no.",
            "the same model",
            "3 of 4",
        ),
        never=("champion stays", "0.00 USD more", "with the challenger:", "+0.0000", "How sure is the gain"),
    ),
    "the champion itself fails, an old record": State(
        "REJECT",
        {"champion": ITSELF, "gates": (*GATES[1:], LOW), "reason": "minimum: roc_auc 0.6538 is not >= 0.7"},
        "The model in production no longer meets your minimum: xgboost (version 3) failed 1 of 4 gates.",
        never=("champion stays",),
    ),
    "the champion of a past day fails": State(
        "REJECT",
        {"champion": ITSELF, "in_force_version": "9", "gates": (*GATES[1:], LOW), "origin": BACKFILL},
        "The champion of that day no longer meets your minimum: xgboost (version 3) failed 1 of 4 gates.",
        never=("model in production", "champion stays"),
    ),
    "another gate than the minimum": State(
        "REJECT",
        {"champion": ITSELF, "in_force_version": "3", "gates": (UNCALIBRATED,)},
        "The model in production no longer meets your gate calibration: xgboost (version 3) failed 1 of 1 gates.",
    ),
    "a first night is rejected": State(
        "REJECT",
        {"champion": None, "in_force_version": "", "gates": (LOW, *NOT_JUDGED), "measurements": NO_PEOPLE},
        "xgboost failed 1 of 1 gates; there is still no champion.",
        page=("0 of 1", "2 not applicable"),
        never=("champion stays", "0.0000"),
    ),
    "a first night": State(
        "PROMOTE",
        {"champion": None, "in_force_version": "", "gates": (*GATES[:2], *NOT_JUDGED, OFF), "measurements": NO_PEOPLE,
         "reason": "all gates passed and there is no champion: roc_auc 0.6538"},
        "xgboost passed 2 of 2 gates that could be judged: a first champion.",
        page=("2 of 2", "2 not applicable, 1 off", "the batch is read once a day"),
        never=("better than champion", "proved better", "champion stays", "5 of 5"),
    ),
    "a past day before the first champion": State(
        "HOLD",
        {"champion": None, "in_force_version": "7", "origin": BACKFILL, "measurements": NO_PEOPLE,
         "reason": "not newer than the champion's data: 2013-06-01 against 2013-07-01"},
        "xgboost passed every gate; the champion (version 7) stays.",
        page=("Not newer than the champion's data",),
        never=("no champion yet", "still no champion", "none yet"),
    ),
    "not proved better": State(
        "HOLD",
        {"in_force_version": "3", "gates": (*GATES, UNPROVED), "measurements": CLOSELY, "reason": UNPROVED.note},
        "xgboost is not proved better; the champion (version 3) stays.",
        page=(
            "Why It is not proved better than the champion: ROC AUC gains 0.0009 on the same 12 874 rows. With 95 % "
            "confidence the gain is at least −0.0040, so chance alone may be its cause; without proof the champion "
            "stays.",
            "4 of 5",
        ),
    ),
    "a sure gain, smaller than demanded": State(
        "HOLD",
        {"gates": (*GATES, UNPROVED), "reason": UNPROVED.note},
        page=("so chance alone is an unlikely cause, but the gain is smaller than demanded: > 0.6391 with 95 %",),
    ),
    "a tie with itself": State(
        "HOLD",
        {"champion": ITSELF, "in_force_version": "3", "gates": (*GATES, UNPROVED), "measurements": money(5.0, 5.0),
         "reason": "the challenger is champion 3 itself: a tie"},
        "xgboost is the champion itself (version 3); nothing changes.",
        page=("The challenger is champion 3 itself: a tie.",),
        never=("0.00 USD more",),
    ),
    "a pin": State(
        "HOLD",
        {"in_force_version": "3", "reason": "the champion is pinned by ada (audit); it would be promoted: better"},
        page=("Why The champion is pinned by ada (audit); it would be promoted: better.",),
    ),
    "a backfill": State(
        "HOLD",
        {"in_force_version": "5", "origin": BACKFILL, "reason": "a backfill promotes nothing; it would be promoted: x"},
        "xgboost passed every gate; the champion (version 5) stays.",
        page=("Why A backfill promotes nothing;",),
        never=("without proof the champion stays",),
    ),
    "a person said no": State(
        "HOLD",
        {"in_force_version": "3", "reason": "ada rejected: too soon; proved: better than champion 3: roc_auc 0.7"},
        page=("Why Ada rejected: too soon; proved: better than champion 3: ROC AUC 0.7.",),
    ),
    "nobody answered": State(
        "HOLD",
        {"in_force_version": "3", "reason": "nobody answered within 1 hour; it would be promoted: x"},
        page=("Why Nobody answered within 1 hour; it would be promoted: x.",),
    ),
    "overtaken": State(
        "HOLD",
        {"in_force_version": "3", "reason": "overtaken: the challenger was compared with version 3, and version 4 (as"
         " of 2013-06-01) was put in force meanwhile; run again"},
        "xgboost passed every gate; nothing is promoted.",
        never=("(version 3) stays",),
    ),
    "a champion that could not be scored": State(
        "HOLD",
        {"champion": CHAMPION.model_copy(update={"holdout": {}}), "in_force_version": "3", "measurements": NO_PEOPLE,
         "gates": (*GATES[:2], *NOT_JUDGED),
         "reason": "champion 3 could not be compared: the prepared features lack x"},
        "xgboost could not be compared with the champion; the champion (version 3) stays.",
        page=("Why Champion 3 could not be compared: the prepared features lack x.", "could not be scored"),
    ),
    "a challenger that cannot be measured": State(
        "REJECT",
        {"challenger": CHALLENGER.model_copy(update={"holdout": {}}), "in_force_version": "3", "baseline": {},
         "gates": (gate("serves", "loads and answers", None, False, metric="answers", note="it ends"),),
         "champion": CHAMPION.model_copy(update={"holdout": {}}), "measurements": NO_PEOPLE,
         "reason": "the challenger cannot be used: it ends"},
        page=("not compared",),
        never=("could not be scored",),
    ),
    "no yes at all, and money is lost": State(
        "REJECT",
        {"in_force_version": "3", "gates": (LOW,), "measurements": money(-20.0, 15.5, same=-20.0, yes=0)},
        page=(
            "1,000 rows lose 20.00 USD with the challenger: 35.50 USD less than with the champion and as much as with "
            "always saying no.",
            "Of the yes, – are right",
        ),
        never=("0.00 USD more",),
    ),
    "one row of one day": State(
        "HOLD",
        {"holdout_rows": 1, "train_rows": 1, "holdout": Span(first=date(2013, 5, 31), last=date(2013, 5, 31)),
         "measurements": FULL},
    ),
    "rows have a name": State(
        "HOLD",
        {"row": RowName(one="flight", many="flights"), "in_force_version": "3", "gates": (*GATES, UNPROVED),
         "measurements": CLOSELY, "reason": UNPROVED.note},
        page=("on the same 12 874 flights", "1,000 flights earn", "Of 1,000 flights", "Groups of flights"),
        never=("000 rows", "874 rows", "950 rows"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """Hold everything that is said of one decision, as text on one line each."""

    page: str
    card: str
    comment: str
    summary: str

    @classmethod
    def of(cls, made: Decision) -> Said:
        return cls(
            page=plain(text_of(render(made, explanation(), declared()))),
            card=plain(model_card(declared(), made, explanation())),
            comment=plain(comment(made)),
            summary=plain(summary(made)),
        )


def plain(text: str) -> str:
    """Return a text without the characters that keep numbers together, on one line."""
    return " ".join(re.sub("[\u00a0\u202f\u200b]", " ", text).split())


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_said_as_it_is(name: str) -> None:
    state = STATES[name]
    made, said = state.decision, Said.of(state.decision)
    if state.headline:
        assert headline(made) == state.headline
    for part in state.page:
        assert part in said.page
    for where, text in vars(said).items():
        for part in state.never:
            assert part.lower() not in text.lower(), where


@pytest.mark.parametrize("name", STATES)
def test_nothing_that_computers_say_stands_on_a_page(name: str) -> None:
    for where, text in vars(Said.of(STATES[name].decision)).items():
        found = re.findall(r"(?<![\w.])(?:None|nan|inf|1 rows|1 flights|1 days|−?0\.00 USD more)(?![\w.])", text)
        assert not found, where


@pytest.mark.parametrize("name", STATES)
def test_one_count_stands_everywhere(name: str) -> None:
    made = STATES[name].decision
    count, said = count_gates(made.gates), Said.of(made)
    assert count.judged + count.not_applicable + count.off == len(made.gates)
    for text in (said.page, said.card, said.comment):
        assert counted(made.gates).lower() in text.lower()
    assert counted(made.gates, " gates") in said.summary
    told = {numbers for text in vars(said).values() for numbers in re.findall(r"failed (\d+) of (\d+) gates", text)}
    assert told <= {(str(count.failed), str(count.judged))}


@pytest.mark.parametrize("champion", [None, ITSELF], ids=["no champion", "the champion itself"])
def test_without_another_champion_no_table_has_a_column_of_dashes_for_one(champion: Any) -> None:
    alone = render(decision(champion=champion, measurements=FULL.model_copy(update=NOT_COMPARED)), explanation())
    tables = re.findall(r"<thead>.*?</thead>", alone.split('id="comparison"')[1], re.DOTALL)
    assert len(tables) > 3
    assert not [table for table in tables if re.search(r"Champion|champion|Gain|Moved|Change", table)]
    assert "right of it the challenger" not in alone
    assert "A positive gain" not in alone
    beside = render(decision(measurements=FULL), explanation())
    assert "right of it the challenger" in beside
    assert "A positive gain" in beside


def test_a_bound_in_champions_has_no_unit_after_it() -> None:
    unmet = gate("latency", "<= 3 x the champion's", 8.0, metric="p95", unit="ms", outcome="not_applicable")
    text = text_of(
        render(decision(champion=None, gates=(unmet, gate("latency", "<= 50", 8.0, metric="p95", unit="ms"))))
    )
    assert "champion's ms" not in text
    assert "<= 50 ms" in text


def test_what_judged_nothing_stands_apart_and_is_a_dash() -> None:
    html = render(STATES["a first night"].decision)
    rows = re.findall(r'(?s)<tr class="apart">.*?</tr>', html)
    assert len(rows) == 3
    assert [re.findall(r'class="mark ([\w-]+)"', row) for row in rows] == [
        ["not-applicable"],
        ["not-applicable"],
        ["off"],
    ]
    assert all(">–</td>" in row and "passed" not in row for row in rows)


@pytest.mark.parametrize(
    ("value", "threshold", "written"),
    [
        (0.0499, ">= 0.05", "0.0499"),
        (0.04996, ">= 0.05", "0.04996"),
        (0.0499999, ">= 0.05", "0.0499999"),
        (0.05, "> 0.05", "0.0500"),
        (0.64, "> 0.6, > 0.64 with 95 % confidence", "0.6400"),
    ],
)
def test_a_value_is_never_rounded_to_the_bound_that_it_missed(value: float, threshold: str, written: str) -> None:
    closed = gate("minimum", threshold, value, False, metric="roc_auc")
    made = decision(verdict="REJECT", gates=(closed,), champion=None)
    for text in vars(Said.of(made)).values():
        assert f"{written} " in text or f"{written}," in text


def test_a_message_of_a_reject_says_what_stays() -> None:
    said = {name: consequence(state.decision, with_version=False) for name, state in STATES.items()}
    assert said["the champion itself fails"] == "the model in production no longer meets your minimum"
    assert said["a first night is rejected"] == "there is still no champion"
    assert said["a challenger that cannot be measured"] == "the champion stays"


def test_records_of_before_there_were_outcomes_are_counted_right() -> None:
    old = {"kind": "stability", "metric": "psi", "threshold": "<= 2", "value": 0.0, "passed": True}
    gates = (
        GateResult.model_validate({**old, "note": "no champion as of this day"}),
        GateResult.model_validate({**old, "kind": "minimum", "note": ""}),
    )
    assert counted(gates) == "1 of 1 passed; 1 not applicable"


@pytest.mark.parametrize("name", STATES)
def test_the_terminal_says_the_same_count_and_no_untruth(name: str) -> None:
    made, console = STATES[name].decision, Console(width=200, record=True, file=StringIO())
    decision_view.show(console, made, None, None)
    text = plain(console.export_text())
    assert counted(made.gates, " gates") in text
    assert not re.findall(r"(?<![\w.])(?:None|nan|inf|1 rows|1 held-out rows)(?![\w.])", text)
    if "rows have a name" in name:
        assert "12874 held-out flights" in text and "rows" not in text

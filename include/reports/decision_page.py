"""Write a decision as one HTML page that needs nothing else: it can be mailed, archived and read in ten years."""

from __future__ import annotations

from functools import partial
from typing import Any

from include.config.project import Project
from include.domain.decision import Decision
from include.domain.explanation import Explanation
from include.reports import decision_state, decision_tables, first_screen, plots, wording
from include.reports.data_report import data_notes, label_notes
from include.reports.plots import whiskers
from include.reports.templates import template
from include.reports.wording import lower_first, words

TEMPLATE = "decision_page.html.j2"
# rows of a list that are shown before the rest is folded
MANY = 10
NOTHING = Explanation()


def render(decision: Decision, explanation: Explanation | None = None, project: Project | None = None) -> str:
    """Return the decision as a self-contained HTML page: no script, no address is fetched, all text escaped.

    Its links are relative, to what is kept beside it: `decision.json`, and with an explanation `explanation.json`,
    `model_card.md` and, where it holds the data of the window, `data.html`. What there is nothing to say about is left
    out.

    Args:
        decision: With its evidence.
        explanation: What only people look at; None when it was not made.
        project: Its description and what a yes says stand on the first screen; None leaves them out.
    """
    decision, shown = decision_state.without_itself(decision, explanation or NOTHING)
    return template(TEMPLATE).render(
        decision=decision,
        about=project,
        explanation=shown,
        has_explanation=explanation is not None,
        many=MANY,
        **_first_screen(decision),
        **_evidence(decision, shown),
    )


def _first_screen(decision: Decision) -> dict[str, Any]:
    return {
        "headline": first_screen.headline(decision),
        "stated": first_screen.stated(decision),
        "reasons": first_screen.reasons(decision),
        "closed": first_screen.rejecting(decision) + first_screen.holding(decision),
        "gate_count": decision_state.count_gates(decision.gates),
        "counted": first_screen.upper_first(decision_state.counted(decision.gates)),
        "left_out": decision_state.left_out(decision_state.count_gates(decision.gates)),
        "is_champion": decision_state.is_champion(decision),
        "beside": decision.champion is not None and not decision_state.is_champion(decision),
        "stays": decision_state.meets_the_one_in_production(decision),
        "row": decision.row,
        "earnings": first_screen.earnings(decision),
        "money_sentence": first_screen.money_sentence(decision),
        "answers": first_screen.answers(decision),
        "answers_sentence": first_screen.answers_sentence(decision),
        "group_sentences": first_screen.group_sentences(decision),
        "fairness_sentences": first_screen.fairness_sentences(decision),
    }


def _evidence(decision: Decision, explanation: Explanation) -> dict[str, Any]:
    measured = decision.measurements
    rows = decision_tables.metric_rows(decision)
    found = {
        "gates": decision_state.gate_order(decision.gates),
        "state": decision_state.gate_state,
        "compared_with": partial(decision_tables.compared_with, decision),
        "gate_amount": partial(decision_tables.gate_amount, row=decision.row),
        "group_name": partial(wording.group_name, decision),
        "written": partial(wording.written, decision),
        "in_words": partial(wording.in_words, decision),
        "metrics": rows,
        "primary": next(row for row in rows if row.primary),
        "sureness": first_screen.sureness(decision),
        "differences": list(
            zip(
                measured.differences,
                whiskers([(each.value, (each.lower, each.upper)) for each in measured.differences]),
                strict=True,
            )
        ),
        "roc": plots.roc_plot(decision, explanation),
        "precision_recall": plots.precision_recall_plot(decision, explanation),
        "reliability": plots.reliability_plot(decision),
        "calibrated": [
            (role, measured.calibration[role])
            for role in plots.ROLES
            if role in measured.calibration and measured.calibration[role].brier_score is not None
        ],
        "profit": plots.profit_plot(decision),
        "confusions": decision_tables.confusions(decision),
        "group_tables": decision_tables.group_tables(decision),
        "gated": {gate.kind for gate in decision.gates},
        "importance_caption": _importance_caption(decision, explanation),
        "importance": decision_tables.importance_rows(explanation.importance),
        "runtime": measured.runtime,
        "leakage": measured.leakage,
        "tried": decision_tables.tried(decision),
        "spans": [("Train", decision.train, decision.train_rows), ("Holdout", decision.holdout, decision.holdout_rows)],
        "data_notes": [*label_notes(decision), *data_notes(explanation.data)],
        "has_data_report": explanation.data is not None,
    }
    return {**found, "contents": contents(decision, explanation, found)}


def contents(decision: Decision, explanation: Explanation, found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return anchor and title of each section that has something to say, in the page's order."""
    errors = explanation.errors.slices or explanation.errors.worst
    sections = [
        ("gates", "Gates", True),
        ("comparison", "Comparison", True),
        ("curves", "ROC and precision-recall", found["roc"] or found["precision_recall"]),
        ("calibration", "Calibration", found["reliability"]),
        ("answers", "Answers", found["confusions"]),
        ("money", "Money by threshold", found["profit"]),
        ("slices", f"Groups of {decision.row.many}", found["group_tables"]),
        ("fairness", "Groups of people", decision.measurements.fairness),
        ("behaviour", "Behaviour", decision.measurements.behaviour),
        ("importance", "What it leans on", explanation.importance),
        ("errors", "Where it errs", errors),
        ("runtime", "Serving", found["runtime"]),
        ("leakage", "Leakage", found["leakage"]),
        ("candidates", "Candidates", True),
        ("data", "Data", True),
        ("origin", "Lineage", True),
    ]
    return [(anchor, title) for anchor, title, shown in sections if shown]


def _importance_caption(decision: Decision, explanation: Explanation) -> str:
    sample = explanation.importance_sample
    metric = words(sample.metric if sample else decision.primary_metric)
    return f"How much worse {lower_first(metric)} becomes when a feature's values are shuffled"

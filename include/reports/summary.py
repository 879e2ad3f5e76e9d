"""Sum a decision up in a few lines of Markdown, for whoever has to say yes or no to it."""

from __future__ import annotations

import re

from include.config.decision import Decision, GateResult, ModelSummary
from include.config.evidence import Difference
from include.reports.decision_state import is_champion, no_champion_yet
from include.reports.decision_tables import gate_amount
from include.reports.gate_outcomes import counted, gate_order, gate_result
from include.reports.wording import NOTHING

_SPECIAL = re.compile(r"[\\`*\[\]<|~&$]|(?<!\w)_|_(?!\w)")


def summary(decision: Decision) -> str:
    """Return verdict, what changes, gain, money, gates and data of a decision as Markdown.

    What comes from data or code (names, notes) is escaped: nothing of it becomes a link, an image or markup.
    """
    lines = [
        f"**{decision.verdict}**: {escape(decision.reason.rstrip('.'))}.",
        "",
        *_facts(decision),
        "",
        *_gates(decision),
    ]
    return "\n".join(lines)


def _facts(decision: Decision) -> list[str]:
    return [f"- **{name}**: {text}" for name, text in (*_models(decision), *_worth(decision), *_data(decision))]


def _models(decision: Decision) -> list[tuple[str, str]]:
    new, old, metric = decision.challenger, decision.champion, decision.primary_metric
    facts = [("Candidate", f"{_named(new)}, data up to {decision.as_of}")]
    result = _number(new.holdout.get(metric))
    if old is None:
        none = "none yet" if no_champion_yet(decision) else "none as of this day"
        return [*facts, ("Champion", none), ("Result", f"{metric} {result}")]
    if is_champion(decision):
        return [*facts, ("Champion", "the same model"), ("Result", f"{metric} {result}")]
    facts.append(("Champion", f"{_named(old)}, data up to {old.as_of}"))
    gain = decision.measurements.difference(metric)
    return [*facts, ("Gain", f"{metric} {result}, champion {_number(old.holdout.get(metric))}{_interval(gain)}")]


def _named(model: ModelSummary) -> str:
    return f"version {escape(model.version)}, {escape(model.candidate)}" if model.version else escape(model.candidate)


def _interval(gain: Difference | None) -> str:
    if gain is None:
        return ""
    sure = f"with {100 * gain.confidence:.4g} % confidence by"
    if gain.value > 0:
        least = f"at least {gain.lower:.4g}" if gain.lower > 0 else f"{gain.lower:.4g} or more, so perhaps by nothing"
        return f": better by {gain.value:.4g}, and {sure} {least}"
    most = f"at most {gain.upper:.4g} better" if gain.upper > 0 else f"at least {-gain.upper:.4g} worse"
    worse = f"worse by {-gain.value:.4g}" if gain.value else "as good"
    return f": {worse}, and {sure.removesuffix(' by')} {most}"


def _worth(decision: Decision) -> list[tuple[str, str]]:
    """Return what the answers earn; nothing where no values are declared."""
    money, points = decision.measurements.money, decision.measurements.points
    new = points.get("challenger")
    old = None if is_champion(decision) else points.get("champion")
    if money is None or new is None or new.value_per_1000 is None:
        return []
    before = f", champion {old.value_per_1000:,.0f}" if old is not None and old.value_per_1000 is not None else ""
    earned = f"{new.value_per_1000:,.0f} {escape(money.currency)} per 1,000 {escape(decision.row.many)}{before}"
    same = f"the same answer for every {escape(decision.row.one)} would earn {money.always_the_same:,.0f}"
    return [("Worth", f"{earned}; {same}")]


def _data(decision: Decision) -> list[tuple[str, str]]:
    held, train, row = decision.holdout, decision.train, decision.row
    return [
        (
            "Judged on",
            f"{decision.holdout_rows:,} {escape(row.of(decision.holdout_rows))} of {held.first} to {held.last}; "
            f"trained on {decision.train_rows:,} {escape(row.of(decision.train_rows))} of {train.first} to "
            f"{train.last}",
        )
    ]


def _gates(decision: Decision) -> list[str]:
    head = f"{counted(decision.gates, ' gates')}:"
    rows = [
        f"| {escape(gate.kind)} | {escape(gate.metric)} | {escape(gate.threshold)} | {_value(decision, gate)} "
        f"| {_result(gate)} |"
        for gate in gate_order(decision.gates)
    ]
    return [head, "", "| Gate | Of | Demanded | Got | Result |", "| --- | --- | --- | --- | --- |", *rows]


def _value(decision: Decision, gate: GateResult) -> str:
    if gate.value is None:
        return "not known" if gate.judged else NOTHING
    return escape(gate_amount(gate, gate.value, decision.row))


def _result(gate: GateResult) -> str:
    state, _, why = gate_result(gate).partition(": ")
    marked = {"passed": "pass", "REJECT": "**FAIL**", "HOLD": "**HOLD**"}.get(state, state)
    return marked + (f": {escape(why)}" if why else "")


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line; an underscore within a word needs nothing."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))

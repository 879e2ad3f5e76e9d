"""Sum a decision up in a few lines of Markdown, for whoever has to say yes or no to it."""

from __future__ import annotations

import re

from include.config.decision import Decision, GateResult
from include.config.evidence import Difference

_SPECIAL = re.compile(r"[\\`*\[\]<|~&$]|(?<!\w)_|_(?!\w)")


def summary(decision: Decision) -> str:
    """Return verdict, what changes, gain, money, gates and data of a decision as Markdown.

    What comes from data or code (names, notes) is escaped: nothing of it becomes a link, an image or markup.
    """
    lines = [f"**{decision.verdict}**: {escape(decision.reason)}.", "", *_facts(decision), "", *_gates(decision)]
    return "\n".join(lines)


def _facts(decision: Decision) -> list[str]:
    return [f"- **{name}**: {text}" for name, text in (*_models(decision), *_worth(decision), *_data(decision))]


def _models(decision: Decision) -> list[tuple[str, str]]:
    new, old, metric = decision.challenger, decision.champion, decision.primary_metric
    facts = [("Candidate", f"version {escape(new.version)}, {escape(new.candidate)}, data up to {decision.as_of}")]
    if old is None:
        return [*facts, ("Champion", "none yet"), ("Result", f"{metric} {_number(new.holdout.get(metric))}")]
    before, now = _number(old.holdout.get(metric)), _number(new.holdout.get(metric))
    facts.append(("Champion", f"version {escape(old.version)}, {escape(old.candidate)}, data up to {old.as_of}"))
    gain = decision.measurements.difference(metric)
    return [*facts, ("Gain", f"{metric} {now}, champion {before}{_interval(gain)}")]


def _interval(gain: Difference | None) -> str:
    if gain is None:
        return ""
    return (
        f": better by {gain.value:.4g}, and with {100 * gain.confidence:.4g} % confidence by at least {gain.lower:.4g}"
    )


def _worth(decision: Decision) -> list[tuple[str, str]]:
    """Return what the answers earn; nothing where no values are declared."""
    money, points = decision.measurements.money, decision.measurements.points
    new, old = points.get("challenger"), points.get("champion")
    if money is None or new is None or new.value_per_1000 is None:
        return []
    before = f", champion {old.value_per_1000:,.0f}" if old is not None and old.value_per_1000 is not None else ""
    earned = f"{new.value_per_1000:,.0f} {escape(money.currency)} per 1,000 rows{before}"
    return [("Worth", f"{earned}; the same answer for every row would earn {money.always_the_same:,.0f}")]


def _data(decision: Decision) -> list[tuple[str, str]]:
    held, train = decision.holdout, decision.train
    return [
        (
            "Judged on",
            f"{decision.holdout_rows:,} rows of {held.first} to {held.last}; "
            f"trained on {decision.train_rows:,} rows of {train.first} to {train.last}",
        )
    ]


def _gates(decision: Decision) -> list[str]:
    passed = sum(gate.passed for gate in decision.gates)
    head = f"{passed} of {len(decision.gates)} gates passed:"
    rows = [
        f"| {escape(gate.kind)} | {escape(gate.metric)} | {escape(gate.threshold)} | {_value(gate)} | {_result(gate)} |"
        for gate in sorted(decision.gates, key=lambda gate: gate.passed)
    ]
    return [head, "", "| Gate | Of | Demanded | Got | Result |", "| --- | --- | --- | --- | --- |", *rows]


def _value(gate: GateResult) -> str:
    return f"{_number(gate.value)} {escape(gate.unit)}".strip()


def _result(gate: GateResult) -> str:
    note = f": {escape(gate.note)}" if gate.note else ""
    failed = "**HOLD**" if gate.on_failure == "hold" else "**FAIL**"
    return ("pass" if gate.passed else failed) + note


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line; an underscore within a word needs nothing."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))

"""Say a decision in sentences that need no knowledge of models: the verdict, why, money, what changes for whom."""

from __future__ import annotations

from dataclasses import dataclass

from include.config.decision import Decision, GateResult, ModelSummary
from include.config.evidence import Group, OperatingPoint
from include.reports.decision_tables import gate_amount, surely_moved
from include.reports.plots import bar_widths
from include.reports.wording import amount, count, listed, lower_first, number, of_thousand, percent, signed, words

# what a closed gate of a kind says of the challenger
FAILED: dict[str, str] = {
    "minimum": "It is not good enough",
    "maximum": "It is not good enough",
    "beats_baseline": "It is not better than always answering the same",
    "better_than_champion": "It is not proved better than the champion",
    "leak_alarm": "It is too good to be true",
    "leakage": "Something seems to tell it the answer",
    "slice": "A group of rows is worse off than with the champion",
    "fairness": "Groups of people are answered too differently",
    "calibration": "Its scores do not mean what they say",
    "value": "Acting on its answers does not earn enough",
    "latency": "It answers too slowly",
    "memory": "It takes too much memory",
    "size": "Its file is too large",
    "serves": "It does not serve",
    "stability": "Its scores are spread too differently from the champion's",
    "behaviour": "It does not behave as demanded",
}
# the note of these says more than their number does
TOLD_BY_NOTE = {"better_than_champion", "not_worse_than_champion", "serves", "slice"}
GROUPS_NAMED = 3


@dataclass(frozen=True)
class Earning:
    """Hold what 1,000 rows earn one way of answering; `width` is of its bar, in percent."""

    name: str
    role: str
    value: float
    width: float


@dataclass(frozen=True)
class AnswerRow:
    """Hold how many of 1,000 rows are answered in one way; `change` is challenger less champion."""

    name: str
    challenger: float
    champion: float | None
    change: float | None


def headline(decision: Decision) -> str:
    """Return the verdict in a sentence."""
    name = decision.challenger.candidate
    champion = f"the champion{_version(decision.champion)}" if decision.champion else ""
    if decision.verdict == "PROMOTE":
        return f"{name} proved better than {champion}." if champion else f"{name} passed every gate: a first champion."
    if decision.verdict == "REJECT":
        gates = f"{len(rejecting(decision))} of {len(decision.gates)} gates"
        return f"{name} failed {gates}; {f'{champion} stays' if champion else 'there is still no champion'}."
    stays = f"{champion} stays" if champion else "nothing is promoted"
    passed = "is not proved better" if holding(decision) else "passed every gate"
    return f"{name} {passed}; {stays}."


def _version(model: ModelSummary | None) -> str:
    return f" (version {model.version})" if model and model.version else ""


def rejecting(decision: Decision) -> list[GateResult]:
    """Return the closed gates that reject."""
    return [gate for gate in decision.gates if not gate.passed and gate.on_failure == "reject"]


def holding(decision: Decision) -> list[GateResult]:
    """Return the closed gates by which something is only not proved."""
    return [gate for gate in decision.gates if not gate.passed and gate.on_failure == "hold"]


def reasons(decision: Decision) -> list[str]:
    """Return why, in sentences: of a closed gate each, or how sure the gain is."""
    closed = rejecting(decision) or holding(decision)
    if closed:
        return [plain_failure(gate) for gate in closed]
    return list(filter(None, [f"All {len(decision.gates)} gates are passed.", sureness(decision)]))


def sureness(decision: Decision) -> str:
    """Return whether chance may have made the gain over the champion; empty when none was measured."""
    found = decision.measurements.difference(decision.primary_metric)
    if found is None:
        return ""
    name, sure = words(found.metric), percent(found.confidence)
    rows = f"on the same {count(decision.holdout_rows)} rows"
    if found.value <= 0:
        worse = "chance alone is an unlikely cause" if found.upper < 0 else "chance alone may be its cause"
        change = f"loses {number(-found.value)}" if found.value else "is the same"
        return f"{name} {change} {rows}. With {sure} confidence the gain is at most {signed(found.upper)}: {worse}."
    doubt = "so chance alone may be its cause; without proof the champion stays"
    proof = "so chance alone is an unlikely cause" if found.lower > 0 else doubt
    return (
        f"{name} gains {number(found.value)} {rows}. With {sure} confidence the gain is at least "
        f"{signed(found.lower)}, {proof}."
    )


def plain_failure(gate: GateResult) -> str:
    """Return what a closed gate says, what it measured and what it demanded."""
    said = FAILED.get(gate.kind, f"The gate {words(gate.kind)} is closed")
    if gate.kind == "not_worse_than_champion":
        said = "It is worse than the champion" if gate.on_failure == "reject" else "It may be worse than the champion"
    if gate.note and gate.kind in TOLD_BY_NOTE:
        return f"{said}: {gate.note}."
    note = f" ({gate.note})" if gate.note else ""
    if gate.value is None:
        what = "this" if gate.metric == gate.kind else lower_first(words(gate.metric))
        return f"{said}, as far as is known: {what} could not be measured{note}."
    measured = f"{lower_first(words(gate.metric))} is {gate_amount(gate, gate.value)}"
    return f"{said}: {measured}, demanded {gate.threshold}{note}."


def earnings(decision: Decision) -> list[Earning]:
    """Return what 1,000 rows earn with each model and with one answer for all, the challenger first."""
    money, points = decision.measurements.money, decision.measurements.points
    if money is None:
        return []
    found = [
        (f"{role} ({points[role].objective})", role, points[role].value_per_1000)
        for role in ("challenger", "champion")
        if role in points
    ]
    same = f"always {'yes' if money.all_yes else 'no'}, the better of the two answers for all"
    earned = [(name, role, value) for name, role, value in [*found, (same, "same", money.always_the_same)]]
    known = [(name, role, value) for name, role, value in earned if value is not None]
    widths = bar_widths([value for _, _, value in known])
    return [Earning(name, role, value, width) for (name, role, value), width in zip(known, widths, strict=True)]


def money_sentence(decision: Decision) -> str:
    """Return how much more or less the challenger earns; empty without declared values."""
    money = decision.measurements.money
    earned = {each.role: each.value for each in earnings(decision)}
    if money is None or "challenger" not in earned:
        return ""
    said = [f"1,000 rows earn {amount(earned['challenger'], money.currency)} with the challenger"]
    for role, name in (("champion", "the champion"), ("same", f"always saying {'yes' if money.all_yes else 'no'}")):
        if role in earned:
            more = earned["challenger"] - earned[role]
            said.append(f"{amount(abs(more), money.currency)} {'more' if more >= 0 else 'less'} than with {name}")
    return f"{said[0]}: {listed(said[1:])}." if said[1:] else f"{said[0]}."


def answers(decision: Decision) -> list[AnswerRow]:
    """Return how 1,000 rows are answered at the thresholds; empty where no threshold was measured."""
    ours = decision.measurements.points.get("challenger")
    theirs = decision.measurements.points.get("champion")
    if ours is None:
        return []
    return [
        _answer_row("Answered yes", ("true_positives", "false_positives"), ours, theirs),
        _answer_row("Positives found", ("true_positives",), ours, theirs),
        _answer_row("False alarms", ("false_positives",), ours, theirs),
        _answer_row("Positives missed", ("false_negatives",), ours, theirs),
    ]


def _answer_row(name: str, cells: tuple[str, ...], ours: OperatingPoint, theirs: OperatingPoint | None) -> AnswerRow:
    challenger = _per_thousand(ours, cells)
    champion = _per_thousand(theirs, cells) if theirs else None
    return AnswerRow(name, challenger, champion, None if champion is None else challenger - champion)


def _per_thousand(point: OperatingPoint, cells: tuple[str, ...]) -> float:
    rows = point.true_positives + point.false_positives + point.false_negatives + point.true_negatives
    return 1000 * sum(getattr(point, cell) for cell in cells) / rows if rows else 0.0


def answers_sentence(decision: Decision) -> str:
    """Return what the challenger's answers change; empty where no threshold was measured."""
    rows = {row.name: row for row in answers(decision)}
    if not rows:
        return ""
    yes = rows["Answered yes"]
    if yes.champion is None:
        return (
            f"Of 1,000 rows it answers yes to {of_thousand(yes.challenger)}: "
            f"{of_thousand(rows['Positives found'].challenger)} rightly and "
            f"{of_thousand(rows['False alarms'].challenger)} as false alarms. "
            f"It misses {of_thousand(rows['Positives missed'].challenger)}."
        )
    changes = [f"{_more(rows[name].change)} {lower_first(name)}" for name in ("Positives found", "False alarms")]
    return (
        f"Of 1,000 rows it answers yes to {of_thousand(yes.challenger)}, "
        f"the champion to {of_thousand(yes.champion)}: {listed(changes)}."
    )


def _more(change: float | None) -> str:
    change = change or 0.0
    if abs(change) < 0.05:
        return "as many"
    return f"{of_thousand(abs(change))} {'more' if change > 0 else 'fewer'}"


def group_sentences(decision: Decision) -> list[str]:
    """Return which groups of rows are likely served better and which worse; empty where none was compared."""
    judged = sorted(
        (group for group in decision.measurements.groups if group.judged and group.gain is not None),
        key=lambda group: group.gain or 0.0,
    )
    if not judged:
        return []
    sure = [group for group in judged if surely_moved(group)]
    losing = [describe_group(group) for group in sure if (group.gain or 0.0) < 0]
    gaining = [describe_group(group) for group in reversed(sure) if (group.gain or 0.0) > 0]
    if not sure:
        largest = max(judged, key=lambda group: abs(group.gain or 0.0))
        said = f"the largest change is {describe_group(largest)}, which chance may have made"
        return [f"Of {len(judged)} groups of rows none is likely served better or worse; {said}."]
    found = (("Likely served better", gaining), ("Likely served worse", losing))
    return [f"{name}: {'; '.join(groups[:GROUPS_NAMED])}{_rest(groups)}." for name, groups in found if groups]


def _rest(groups: list[str]) -> str:
    return f"; and {len(groups) - GROUPS_NAMED} more" if len(groups) > GROUPS_NAMED else ""


def describe_group(group: Group) -> str:
    """Return a group and its gain."""
    return f"{group.column} {group.group} ({words(group.metric)} {signed(group.gain)})"


def fairness_sentences(decision: Decision) -> list[str]:
    """Return the largest gap in yes answers for each protected column."""
    return [
        f"Between the groups of {found.column}, the share of yes differs by up to "
        f"{number(100 * found.demographic_parity_difference, 1)} percentage points."
        for found in decision.measurements.fairness
        if found.demographic_parity_difference is not None
    ]

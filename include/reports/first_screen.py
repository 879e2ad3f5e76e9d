"""Say a decision in sentences that need no knowledge of models: the verdict, why, money, what changes for whom."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.domain.decision import Decision, GateResult, ModelSummary, RowName, unmet
from include.domain.evidence import Difference, Group, OperatingPoint
from include.reports.decision_state import (
    count_gates,
    counted,
    in_force,
    is_champion,
    is_in_production,
    meets_the_one_in_production,
    no_champion_yet,
)
from include.reports.decision_tables import gate_amount, surely_moved
from include.reports.plots import bar_widths
from include.reports.wording import (
    ROW,
    amount,
    counted_rows,
    group_name,
    in_words,
    listed,
    lower_first,
    number,
    of_thousand,
    percent,
    points,
    signed,
    words,
)

# what a closed gate of a kind says of the challenger
FAILED: dict[str, str] = {
    "minimum": "It is not good enough",
    "maximum": "It is not good enough",
    "holdout": "The holdout is too small to prove anything",
    "beats_baseline": "It is not proved better than always answering the same",
    "better_than_champion": "It is not proved better than the champion",
    "leak_alarm": "It is too good to be true",
    "leakage": "Something seems to tell it the answer",
    "labels": "Too many labels were missing when they were due",
    "slice": "A group of {many} is worse off than with the champion",
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
TOLD_BY_NOTE = {"beats_baseline", "better_than_champion", "labels", "not_worse_than_champion", "serves", "slice"}
GROUPS_NAMED = 3
NOTHING = "nothing is promoted"


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
    name, count = decision.challenger.candidate, count_gates(decision.gates)
    if decision.verdict == "PROMOTE":
        champion = f"the champion{_version(decision.champion)}"
        proved = f"proved better than {champion}" if decision.champion else f"{_passed(decision)}: a first champion"
        return f"{name} {proved}."
    if decision.verdict == "REJECT":
        failed = f"failed {count.failed} of {count.judged} gates"
        if is_champion(decision):
            return f"{upper_first(consequence(decision))}: {name}{_version(decision.champion)} {failed}."
        return f"{name} {failed}; {consequence(decision)}."
    if is_champion(decision):
        return f"{name} is the champion itself{_version(decision.champion)}; nothing changes."
    return f"{name} {_held(decision)}; {consequence(decision)}."


def consequence(decision: Decision, *, with_version: bool = True) -> str:
    """Return what a night leaves in production when it promotes nothing, in half a sentence.

    Args:
        decision: No PROMOTE.
        with_version: Whether the champion that stays is told by its number.
    """
    if decision.verdict == "REJECT" and is_champion(decision):
        who = "the model in production" if is_in_production(decision) else "the champion of that day"
        return f"{who} no longer meets {unmet(rejecting(decision))}"
    version = in_force(decision)
    if decision.reason.startswith("overtaken: "):
        # another model was put in force between judging and promoting
        return NOTHING
    if version is not None:
        return f"the champion{f' (version {version})' if version and with_version else ''} stays"
    return "there is still no champion" if decision.verdict == "REJECT" and no_champion_yet(decision) else NOTHING


def _held(decision: Decision) -> str:
    if decision.champion is not None and not decision.champion.holdout:
        return "could not be compared with the champion"
    return "is not proved better" if holding(decision) else _passed(decision)


def _passed(decision: Decision) -> str:
    count = count_gates(decision.gates)
    if count.judged == len(decision.gates):
        return "passed every gate"
    return f"passed {count.passed} of {count.judged} gates that could be judged"


def _version(model: ModelSummary | None) -> str:
    return f" (version {model.version})" if model and model.version else ""


def upper_first(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]


def rejecting(decision: Decision) -> list[GateResult]:
    """Return the closed gates that reject."""
    return [gate for gate in decision.gates if not gate.passed and gate.on_failure == "reject"]


def holding(decision: Decision) -> list[GateResult]:
    """Return the closed gates by which something is only not proved."""
    return [gate for gate in decision.gates if not gate.passed and gate.on_failure == "hold"]


def stated(decision: Decision) -> str:
    """Return the recorded reason as a sentence, where no closed gate says it already; else nothing."""
    return "" if _decided_by_gates(decision) else plain_reason(decision)


def reasons(decision: Decision) -> list[str]:
    """Return why, in sentences: of a closed gate each, or how sure the gain is."""
    itself = _still_there(decision) if decision.verdict == "REJECT" else []
    closed = [_closed(decision, gate) for gate in rejecting(decision) or holding(decision)]
    return [*itself, *closed] if _decided_by_gates(decision) else [*closed, *_proved(decision)]


def _still_there(decision: Decision) -> list[str]:
    if not is_champion(decision):
        return []
    if not is_in_production(decision):
        return ["It was the champion of that day, not the one in production."]
    return [
        "It is the champion itself. It goes on answering until a better model is promoted, or an earlier champion is "
        f'put back: ./nightshift rollback {decision.project} --reason "..."'
    ]


def _decided_by_gates(decision: Decision) -> bool:
    """Tell whether closed gates are the reason, and not a pin, a person, the calendar or a champion not compared."""
    if decision.verdict != "HOLD":
        return bool(rejecting(decision) or holding(decision))
    said = [part for gate in holding(decision) for part in (gate.note, f"{gate.kind}: ") if part]
    return any(part in decision.reason for part in said)


def _proved(decision: Decision) -> list[str]:
    count = count_gates(decision.gates)
    said = f"Gates: {counted(decision.gates)}."
    if count.passed == len(decision.gates):
        said = f"All {count.passed} gates are passed." if count.passed > 1 else "The one gate is passed."
    return [sentence for sentence in (said, "" if is_champion(decision) else sureness(decision)) if sentence]


def plain_reason(decision: Decision) -> str:
    """Return the recorded reason as a sentence for people."""
    metric = decision.primary_metric
    said = re.sub(rf"(?<!\w){re.escape(metric)}(?!\w)", words(metric), decision.reason.strip())
    said = upper_first(in_words(decision, said))
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _closed(decision: Decision, gate: GateResult) -> str:
    """Return what a closed gate says; of a comparison with the champion how sure it is, where that was measured."""
    found = decision.measurements.difference(gate.metric)
    if gate.kind != "better_than_champion" or found is None or is_champion(decision):
        return plain_failure(gate, decision.row, decision)
    return f"{FAILED[gate.kind]}: {_sure(decision, found, gate.threshold)}"


def sureness(decision: Decision) -> str:
    """Return whether chance may have made the gain over the champion; empty when none was measured."""
    found = decision.measurements.difference(decision.primary_metric)
    return "" if found is None else _sure(decision, found)


def _sure(decision: Decision, found: Difference, demanded: str = "") -> str:
    """Return a gain and whether chance may have made it; `demanded` is what a closed gate asked for."""
    name, sure = words(found.metric), percent(found.confidence)
    same = f"on the same {counted_rows(decision.holdout_rows, decision.row)}"
    if found.value <= 0:
        worse = "chance alone is an unlikely cause" if found.upper < 0 else "chance alone may be its cause"
        change = f"loses {number(-found.value)}" if found.value else "is the same"
        return f"{name} {change} {same}. With {sure} confidence the gain is at most {signed(found.upper)}: {worse}."
    stays = meets_the_one_in_production(decision)
    doubt = f"so chance alone may be its cause{'; without proof the champion stays' if stays else ''}"
    if found.lower > 0:
        # a closed gate beside a sure gain asks for a larger one
        asked = f", but the gain is smaller than demanded: {demanded}" if demanded else ""
        doubt = f"so chance alone is an unlikely cause{asked}"
    return (
        f"{name} gains {number(found.value)} {same}. With {sure} confidence the gain is at least "
        f"{signed(found.lower)}, {doubt}."
    )


def plain_failure(gate: GateResult, row: RowName = ROW, decision: Decision | None = None) -> str:
    """Return what a closed gate says, what it measured and what it demanded.

    Args:
        gate: How it was judged.
        row: What one row is called.
        decision: Whose features the note may name; None leaves them as they are recorded.
    """
    said = FAILED.get(gate.kind, f"The gate {words(gate.kind)} failed").format(one=row.one, many=row.many)
    if gate.kind == "not_worse_than_champion":
        said = "It is worse than the champion" if gate.on_failure == "reject" else "It may be worse than the champion"
    told = in_words(decision, gate.note) if decision else gate.note
    if told and gate.kind in TOLD_BY_NOTE:
        return f"{said}: {told}."
    note = f" ({told})" if told else ""
    metric = lower_first(words(gate.metric, row))
    if gate.value is None:
        what = "this" if gate.metric == gate.kind else metric
        return f"{said}, as far as is known: {what} could not be measured{note}."
    return f"{said}: {metric} is {gate_amount(gate, gate.value, row)}, demanded {gate.threshold}{note}."


def earnings(decision: Decision) -> list[Earning]:
    """Return what 1,000 rows earn with each model and with one answer for all, the challenger first."""
    money, answered = decision.measurements.money, decision.measurements.points
    if money is None:
        return []
    roles = ("challenger",) if is_champion(decision) else ("challenger", "champion")
    found = [
        (
            f"{'champion' if is_champion(decision) else role} (threshold: {answered[role].objective})",
            role,
            answered[role].value_per_1000,
        )
        for role in roles
        if role in answered
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
    mine = earned["challenger"]
    who = "the model in production" if is_in_production(decision) else "the challenger"
    earn = "earn" if mine >= 0 else "lose"
    said = f"1,000 {decision.row.many} {earn} {amount(abs(mine), money.currency)} with {who}"
    others = (("champion", "the champion"), ("same", f"always saying {'yes' if money.all_yes else 'no'}"))
    compared = [
        f"{_more_money(mine - earned[role], money.currency)} with {name}" for role, name in others if role in earned
    ]
    return f"{said}: {listed(compared)}." if compared else f"{said}."


def _more_money(more: float, currency: str) -> str:
    written = amount(abs(more), currency)
    if written == amount(0.0, currency):
        return "as much as"
    return f"{written} {'more' if more > 0 else 'less'} than"


def answers(decision: Decision) -> list[AnswerRow]:
    """Return how 1,000 rows are answered at the thresholds; empty where no threshold was measured."""
    ours = decision.measurements.points.get("challenger")
    theirs = None if is_champion(decision) else decision.measurements.points.get("champion")
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
            f"Of 1,000 {decision.row.many} it answers yes to {of_thousand(yes.challenger)}: "
            f"{of_thousand(rows['Positives found'].challenger)} rightly and "
            f"{of_thousand(rows['False alarms'].challenger)} as false alarms. "
            f"It misses {of_thousand(rows['Positives missed'].challenger)}."
        )
    changes = [f"{_more(rows[name].change)} {lower_first(name)}" for name in ("Positives found", "False alarms")]
    return (
        f"Of 1,000 {decision.row.many} it answers yes to {of_thousand(yes.challenger)}, "
        f"the champion to {of_thousand(yes.champion)}: {listed(changes)}."
    )


def _more(change: float | None) -> str:
    change = change or 0.0
    if abs(change) < 0.05:
        return "as many"
    return f"{of_thousand(abs(change))} {'more' if change > 0 else 'fewer'}"


def group_sentences(decision: Decision) -> list[str]:
    """Return which groups of rows are likely served better and which worse; empty where none was compared."""
    if is_champion(decision):
        return []
    judged = sorted(
        (group for group in decision.measurements.groups if group.judged and group.gain is not None),
        key=lambda group: group.gain or 0.0,
    )
    if not judged:
        return []
    sure = [group for group in judged if surely_moved(group)]
    losing = [describe_group(decision, group) for group in sure if (group.gain or 0.0) < 0]
    gaining = [describe_group(decision, group) for group in reversed(sure) if (group.gain or 0.0) > 0]
    if not sure:
        largest = max(judged, key=lambda group: abs(group.gain or 0.0))
        said = f"the largest change is {describe_group(decision, largest)}, which chance may have made"
        some = f"Of {len(judged)} groups of {decision.row.many} none is"
        if len(judged) == 1:
            some = f"The one group of {decision.row.many} that could be judged is not"
        return [f"{some} likely served better or worse; {said}."]
    found = (("Likely served better", gaining), ("Likely served worse", losing))
    return [f"{name}: {'; '.join(groups[:GROUPS_NAMED])}{_rest(groups)}." for name, groups in found if groups]


def _rest(groups: list[str]) -> str:
    return f"; and {len(groups) - GROUPS_NAMED} more" if len(groups) > GROUPS_NAMED else ""


def describe_group(decision: Decision, group: Group) -> str:
    """Return a group and its gain."""
    name = group_name(decision, group.column, group.group)
    return f"{group.column} {name} ({words(group.metric)} {signed(group.gain)})"


def fairness_sentences(decision: Decision) -> list[str]:
    """Return the largest gap in yes answers for each protected column."""
    return [
        f"Between the groups of {found.column}, the share of yes differs by up to "
        f"{points(found.demographic_parity_difference)}."
        for found in decision.measurements.fairness
        if found.demographic_parity_difference is not None
    ]

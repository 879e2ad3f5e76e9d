"""Write Markdown of GitHub's kind, harmless whatever the data holds: a decision's summary, and a comment on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from include.domain.decision import Decision, GateResult, LedgerEntry, ModelSummary
from include.domain.evidence import Difference
from include.domain.explanation import Explanation
from include.reports.decision_state import (
    counted,
    gate_order,
    gate_result,
    is_champion,
    no_champion_yet,
    without_itself,
)
from include.reports.decision_tables import gate_amount, metric_rows
from include.reports.first_screen import (
    answers_sentence,
    fairness_sentences,
    group_sentences,
    headline,
    money_sentence,
    sureness,
)
from include.reports.wording import NOTHING, counted_rows, in_words, number, signed, words

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
        *_summarised_gates(decision),
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


def _summarised_gates(decision: Decision) -> list[str]:
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


# also the two ends of an interval, a quantity with its unit, "less than 0.001"; not a date
_NUMBER = re.compile(r"(less than )?[+−]?\d[\d\s.]*($|[^\d\s.-])")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; every cell is escaped, and columns after the first are aligned right where they hold numbers."""
    body = [[escape(cell) for cell in row] for row in rows]
    if not body:
        return []
    lines = "|".join(["---", *("---:" if _numeric(column) else "---" for column in list(zip(*body, strict=True))[1:])])
    return [_line(map(escape, heads)), f"|{lines}|", *map(_line, body), ""]


def bullets(facts: Iterable[tuple[str, str]]) -> list[str]:
    """Return a list of named facts; those without a text are left out."""
    lines = [f"- **{escape(name)}:** {escape(text)}" for name, text in facts if text]
    return [*lines, ""] if lines else []


def sentences(texts: Iterable[str]) -> list[str]:
    """Return a list of sentences."""
    lines = [f"- {escape(text)}" for text in texts if text]
    return [*lines, ""] if lines else []


def section(title: str, *parts: Sequence[str]) -> list[str]:
    """Return a heading with its parts; nothing when all of them are empty."""
    lines = [line for part in parts for line in part]
    return [f"## {escape(title)}", "", *lines] if any(lines) else []


def _numeric(column: Sequence[str]) -> bool:
    known = [cell for cell in column if cell not in ("–", "")]
    return bool(known) and all(_NUMBER.match(cell) for cell in known)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def metric_table(decision: Decision, ours: str) -> list[str]:
    """Return one row a metric; `ours` heads the column of the decision's own model."""
    rows = [
        [
            words(row.name) + (" (lower is better)" if row.lower_is_better else ""),
            number(row.challenger),
            number(row.champion),
            signed(row.gain),
            number(row.baseline),
        ]
        for row in metric_rows(decision)
    ]
    return table(["Metric", ours, "Champion", "Gain", "Baseline"], rows)


# GitHub takes 65,536 characters; several decisions share a comment
MAX_CHARACTERS = 20_000
MAX_NOTE = 400
MAX_GATES = 100
# a mention, a reference to an issue, an address: what GitHub makes a link or a message of even in escaped text
_LIVE = re.compile(
    r"(?<=@)(?=[^\s\u200b])|(?<=#)(?=\d)|(?<=\bhttp)(?=s?:)|(?<=\bwww)(?=\.)|(?<=\bGH)(?=-\d)|(?<=:)(?=//)", re.I
)
_NOTHING_SEEN = "\u200b"
# characters that turn the direction of what follows, so that a line reads otherwise than it is
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def comment(decision: Decision, entry: LedgerEntry | None = None, *, commit: str = "") -> str:
    """Return the comment: the verdict and why, gates, comparison with the champion, groups, and where to look.

    Nothing of it mentions, links, or is markup that data, names or notes have brought. Long notes are shortened, and
    what does not fit in `MAX_CHARACTERS` is left out from the end, which is said.

    Args:
        decision: With its evidence.
        entry: The ledger's entry of it, which knows its number and its report.
        commit: The commit that was to be judged; a decision that another one made says so first.
    """
    brief, _ = without_itself(_brief(decision, entry), Explanation())
    lines = [
        f"### {escape(decision.project)}: {brief.verdict}, as of {decision.as_of}",
        "",
        *_other_commit(decision, commit),
        *summary(brief).splitlines()[:1],
        "",
        *sentences([headline(brief), sureness(brief), money_sentence(brief)]),
        *_gates(brief),
        *_comparison(brief),
        *_part("Groups", sentences([answers_sentence(brief), *group_sentences(brief), *fairness_sentences(brief)])),
        *_part("Where to look", _links(brief, entry)),
    ]
    return defused(fitted(lines, MAX_CHARACTERS))


def no_decision(project: str, commit: str = "") -> str:
    """Return the comment about a night that ended without a decision."""
    of = f" of {commit[:12]}" if commit else ""
    said = f"The night{of} made no decision: it failed before, and its log tells why."
    return defused(f"### {escape(project)}: no decision\n\n{escape(said)}\n")


def defused(text: str) -> str:
    """Return Markdown in which no mention, reference or address is live: a character that nobody sees parts them."""
    return _LIVE.sub(_NOTHING_SEEN, _TURNING.sub("", text))


def fitted(lines: Sequence[str], room: int) -> str:
    """Return whole lines up to `room` characters, the last one saying how many did not fit."""
    text = "\n".join(lines).rstrip() + "\n"
    if len(text) <= room:
        return text
    kept, used = [], 0
    for line in lines:
        used += len(line) + 1
        if used > room - 100:
            break
        kept.append(line)
    left = len(lines) - len(kept)
    return "\n".join([*kept, "", f"({left} more lines are left out; the report has them.)", ""])


def _brief(decision: Decision, entry: LedgerEntry | None) -> Decision:
    """Return the decision as the ledger tells it, with long texts shortened."""
    # the ledger knows more than the evidence: that it was overtaken, or what a person answered
    verdict, reason = (entry.verdict, entry.reason) if entry and entry.verdict else (decision.verdict, decision.reason)
    # a message of a failed test of behaviour, say, may be pages long
    gates = tuple(
        gate.model_copy(update={"note": _short(gate.note), "because": _short(gate.because)}) for gate in decision.gates
    )
    return decision.model_copy(update={"verdict": verdict, "reason": _short(reason), "gates": gates})


def _short(text: str) -> str:
    return text if len(text) <= MAX_NOTE else f"{text[:MAX_NOTE].rstrip()} …"


def _other_commit(decision: Decision, commit: str) -> list[str]:
    made_by = decision.origin.git_commit
    if not commit or made_by == commit:
        return []
    said = (
        f"Commit {commit[:12]} led to no decision of its own. This is the one before, of commit {made_by[:12]}: either "
        "nothing that a night sees was changed, or the night failed, and then its log tells why."
    )
    return [f"**Note:** {escape(said)}", ""]


def _gates(decision: Decision) -> list[str]:
    gates = gate_order(decision.gates)
    rows = [
        [
            words(gate.kind),
            words(gate.metric, decision.row) if gate.metric != gate.kind else "",
            gate.threshold,
            gate_amount(gate, gate.value, decision.row),
            in_words(decision, gate_result(gate)),
        ]
        for gate in gates[:MAX_GATES]
    ]
    left = len(gates) - MAX_GATES
    more = [f"The report has {left} more gate{'' if left == 1 else 's'}.", ""] if left > 0 else []
    title = f"Gates: {counted(gates)}"
    return [*_part(title, table(["Gate", "Of", "Demanded", "Got", "Result"], rows)), *more]


def _comparison(decision: Decision) -> list[str]:
    if decision.champion is None:
        when = "yet" if no_champion_yet(decision) else "as of this day"
        return [*_part("Compared with the champion", [f"There is no champion {when}.", ""])]
    if is_champion(decision):
        return _part("On the holdout: the champion itself", metric_table(decision, "Champion itself"))
    return _part("Compared with the champion", metric_table(decision, "Challenger"))


def _links(decision: Decision, entry: LedgerEntry | None) -> list[str]:
    held, train = decision.holdout, decision.train
    model = decision.challenger
    return bullets(
        [
            ("Judged on", f"{counted_rows(decision.holdout_rows, decision.row)} of {held.first} to {held.last}"),
            ("Trained on", f"{counted_rows(decision.train_rows, decision.row)} of {train.first} to {train.last}"),
            ("Candidate", f"{model.candidate}, version {model.version}" if model.version else model.candidate),
            ("Decision", f"{entry.number}, {decision.decision_id}" if entry else decision.decision_id),
            ("Report", entry.report_uri if entry else ""),
            ("MLflow run", model.tracking_run_id),
            ("Git commit", decision.origin.git_commit),
        ]
    )


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [f"**{title}**", "", *lines] if any(lines) else []

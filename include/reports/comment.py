"""Write a decision as a comment on a pull request: Markdown of GitHub's kind, harmless whatever the data holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from include.config.decision import Decision, LedgerEntry
from include.config.explanation import Explanation
from include.reports.decision_state import is_champion, no_champion_yet, without_itself
from include.reports.decision_tables import gate_amount
from include.reports.feature_values import in_words
from include.reports.first_screen import (
    answers_sentence,
    fairness_sentences,
    group_sentences,
    headline,
    money_sentence,
    sureness,
)
from include.reports.gate_outcomes import counted, gate_order, gate_result
from include.reports.markdown import bullets, sentences, table
from include.reports.metric_table import metric_table
from include.reports.summary import escape, summary
from include.reports.wording import counted_rows, words

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

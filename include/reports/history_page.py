"""Write the walk-forward record as one HTML page that needs nothing else: a plot, and a table with all its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from include.config.decision import LedgerEntry
from include.config.gates import LOWER_IS_BETTER
from include.config.history import Night, WalkedChampion
from include.config.results import Verdict
from include.reports.history_plot import lay_out
from include.reports.templates import template
from include.reports.wording import extent, number, words

TEMPLATE = "history_page.html.j2"
DID: dict[Verdict, str] = {"PROMOTE": "promoted", "HOLD": "held", "REJECT": "rejected"}


def render(project: str, nights: Sequence[Night], made_at: datetime, champion: LedgerEntry | None) -> str:
    """Return the record as a self-contained HTML page: no script, no address is fetched, all text escaped.

    The links to the decisions' reports are relative: they work from where the page is kept (`keys.history_page`).

    Args:
        nights: At least one, oldest first.
        made_at: When the page is made.
        champion: The ledger's entry of what is in force in production then; None when nothing is.
    """
    return template(TEMPLATE).render(
        project=project,
        nights=nights,
        made_at=made_at,
        metric=nights[-1].metric,
        lower_is_better=nights[-1].metric in LOWER_IS_BETTER,
        counts=counts(nights),
        summary=summary(nights),
        in_production=in_production(nights, champion),
        left_out=left_out(nights),
        plot=lay_out(nights),
        describe=describe,
        report=lambda night: f"../decisions/{night.decision_id}/report.html",
        any_rolled_back=any(night.rolled_back for night in nights),
        any_interval=any(night.interval for night in nights),
    )


def counts(nights: Sequence[Night]) -> list[tuple[Verdict, str, int]]:
    """Return verdict, what it did and how often, in the order of the verdicts."""
    found = Counter(night.verdict for night in nights)
    return [(verdict, did, found[verdict]) for verdict, did in DID.items()]


def summary(nights: Sequence[Night]) -> str:
    """Return what the nights would have decided, in a sentence."""
    first, last = nights[0].as_of, nights[-1].as_of
    span = f"{len(nights)} nights, {first} to {last}" if len(nights) > 1 else f"One night, {last}"
    did = ", ".join(f"{count} {did}" for _, did, count in counts(nights))
    return f"{span}: {did}."


def in_production(nights: Sequence[Night], champion: LedgerEntry | None) -> str:
    """Return what the record would have left in force, and what is in force in production: they may well differ."""
    walked = nights[-1].in_force
    real = f"version {champion.version} of {champion.as_of}" if champion else ""
    if walked is None:
        would = "This is a what-if, by which no model would have been promoted"
    elif champion and champion.candidate_id == walked.candidate_id:
        return f"This is a what-if; it ends with the champion in production, {real}."
    else:
        would = f"This is a what-if, which would have ended with {named(walked)}"
    return f"{would}; {f'the champion in production is {real}' if champion else 'there is no champion in production'}."


def left_out(nights: Sequence[Night]) -> str:
    """Return which gates were not judged on how many nights, in a sentence; empty when all were."""
    kinds = (dict.fromkeys(gate.partition(":")[0] for gate in night.left_out) for night in nights)
    found = Counter(kind for each in kinds for kind in each)
    if not found:
        return ""
    nights_of = ", ".join(f"{kind} ({count} night{'' if count == 1 else 's'})" for kind, count in found.items())
    return f"Left out, wholly or in part, because nobody measured it then: {nights_of}."


def describe(night: Night) -> str:
    """Return one night in words, for the mark that the pointer is on."""
    interval = f" ({extent(night.interval)})" if night.interval else ""
    champion = f"champion {named(night.champion)}: {number(night.champion_value)}" if night.champion else "no champion"
    value = f"{words(night.metric)} {number(night.value)}{interval}"
    undone = f"; {night.rolled_back}" if night.rolled_back else ""
    return f"{night.as_of}, {night.candidate}: {night.verdict}; {value}; {champion}{undone}"


def named(champion: WalkedChampion | None) -> str:
    """Return a champion by its version and day."""
    return f"version {champion.version} of {champion.as_of}" if champion else "none"

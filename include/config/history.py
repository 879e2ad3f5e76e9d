"""Be the walk-forward record: what each night would have decided, knowing only the nights before it."""

from __future__ import annotations

from datetime import date

from include.config.results import Receipt, Verdict


class WalkedChampion(Receipt):
    """Name the model that is in force in the walk-forward record: a night's challenger that was promoted there."""

    version: str
    as_of: date
    candidate: str
    candidate_id: str


class Night(Receipt):
    """Be one as-of day of the walk-forward record.

    Attributes:
        number: The ledger's entry of the decision.
        metric: The primary metric; `value`, `interval`, `champion_value` and `gain` are of it.
        candidate: The challenger's name, as `candidate_id` and `version` are its own.
        value: The challenger's, on the night's holdout; None when it could not be measured.
        interval: Of `value`, at 95 %.
        champion: In force before the night; None before the first promotion of the record.
        champion_value: Its own, on the same holdout; None when there is none or it could not be scored.
        gain: By how much the challenger is better: positive is better, whatever the metric's direction.
        verdict: What is decided when only the nights before are known, by the rules as they are declared now.
        left_out: Gates that were not judged because nobody measured, that night, what they look at.
        in_force: After the night.
        decided: What the ledger holds: the verdict of the run itself.
        decided_reason: Its reason.
        rolled_back: Who rolled the challenger back and why; empty when nobody did.
    """

    as_of: date
    number: int
    decision_id: str
    report_uri: str
    metric: str
    candidate: str
    candidate_id: str
    version: str
    value: float | None
    interval: tuple[float, float] | None
    champion: WalkedChampion | None
    champion_value: float | None
    champion_interval: tuple[float, float] | None
    gain: float | None
    verdict: Verdict
    reason: str
    in_force: WalkedChampion | None
    decided: Verdict
    decided_reason: str
    rolled_back: str = ""
    left_out: tuple[str, ...] = ()

"""Hold one verdict with all its evidence, the ledger's entries that refer to it, and the walk-forward record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from include.domain.base_model import Closed
from include.domain.evidence import Measurements
from include.domain.results import ApprovalAnswer, Origin, Receipt, Span, Verdict

Noun = Annotated[str, StringConstraints(pattern=r"^\w[\w '-]{0,39}$")]
# minutes since midnight as 20:05; a share as 12.5 %; money with two decimals, in the currency of `value`
DisplayFormat = Literal["time_of_day", "percent", "money"]


class RowName(Closed):
    """Say what one row is, as sentences name it: "1 flight", "12 874 flights".

    Attributes:
        one: A single one.
        many: Several, or none.
    """

    one: Noun = "row"
    many: Noun = "rows"

    def of(self, number: int) -> str:
        """Return the noun that goes with a number."""
        return self.one if number == 1 else self.many


EntryKind = Literal["decision", "promotion", "rollback", "pin", "unpin"]
Outcome = Literal["passed", "failed", "not_applicable", "off"]
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_MOST_DIGITS = 15
# what gates that judged nothing said before they had an outcome
_JUDGED_NOTHING = ("no champion as of this day", "champion not scored: ", "not judged: ")


class DayRows(Receipt):
    """Name one day's feature rows, as a model was trained or judged on them.

    Attributes:
        key: Of the rows in the store.
        sha256: Of their bytes, hexadecimal.
        rows: How many have a label: only they are learnt from and judged on.
        unlabelled: How many have none; None in records of before they were counted.
        size: Of the rows in the store, bytes.
    """

    day: date
    key: str
    sha256: str
    rows: int
    unlabelled: int | None = None
    size: int = 0


def _outcome_of(told: dict[str, Any]) -> Outcome:
    """Return the outcome of a result that does not name it, from what it says."""
    if not told.get("passed"):
        return "failed"
    return "not_applicable" if str(told.get("note", "")).startswith(_JUDGED_NOTHING) else "passed"


class GateResult(Receipt):
    """Say how one gate was judged.

    Attributes:
        kind: The gate's kind, as declared.
        metric: What it looks at: a metric, or another measured quantity ("ece", "p95_ms", "psi").
        threshold: What was demanded, in words with the number: ">= 0.6".
        value: The candidate's value; None when it was not measured.
        unit: Of the value: "ms", "MB"; empty for a metric.
        reference: The value it was compared with (champion's or baseline's), if any.
        passed: Whether the gate lets the candidate through. One that judged nothing does, and `outcome` tells them
            apart: count that.
        on_failure: What failing leads to: `hold` where it is only not proved.
        note: Why, when the numbers do not say it: "no champion as of this day".
        because: Why the project declares the gate as it does, in its own words; always there where it is off.
        outcome: `passed` or `failed` where it was judged; `not_applicable` where there is nothing to judge, as without
            a champion; `off` where the project switches it off. What should have been measured and was not has failed.
    """

    kind: str
    metric: str
    threshold: str
    value: float | None
    unit: str = ""
    reference: float | None = None
    passed: bool
    on_failure: Literal["reject", "hold"] = "reject"
    note: str = ""
    because: str = ""
    outcome: Outcome = Field(default_factory=_outcome_of)

    @model_validator(mode="before")
    @classmethod
    def _nothing_moved_is_no_number(cls, told: Any) -> Any:
        """Take away the 0 that records of before there were outcomes hold for scores that were never compared."""
        if isinstance(told, dict) and told.get("kind") == "stability" and "outcome" not in told:
            return {**told, "value": None} if _outcome_of(told) == "not_applicable" else told
        return told

    @model_validator(mode="after")
    def _says_one_thing(self) -> GateResult:
        if self.passed is (self.outcome == "failed"):
            raise ValueError(f"passed is {self.passed}, and the outcome is {self.outcome}")
        return self

    @property
    def judged(self) -> bool:
        """Tell whether the gate was judged at all; only then does it count as passed or failed."""
        return self.outcome in ("passed", "failed")

    def digits(self, least: int, rounded: Callable[[float, int], float]) -> int:
        """Return how exactly the value is written so that it stands on its side of the bound: 0.0499 is not 0.05.

        Args:
            least: Digits that are enough for most values.
            rounded: A number as it is written with so many digits.
        """
        value = self.value
        if value is None:
            return least
        # a tie with the reference looks like one, whatever digits the bound was written with
        bounds = [bound for bound in map(float, _NUMBER.findall(self.threshold)) if value != self.reference]

        def on_its_side(digits: int) -> bool:
            shown = rounded(value, digits)
            return all((shown > bound, shown < bound) == (value > bound, value < bound) for bound in bounds)

        return next(filter(on_its_side, range(least, _MOST_DIGITS)), least)


def unmet(gates: Iterable[GateResult]) -> str:
    """Return what gates demand and a model does not meet: "your minimum and your gate calibration"."""
    kinds = dict.fromkeys(gate.kind for gate in gates)
    names = [f"your {kind}" if kind in ("minimum", "maximum") else f"your gate {kind}" for kind in kinds]
    names.sort(key=lambda name: name != "your minimum")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "your gates"


class ModelSummary(Receipt):
    """Describe one model in a decision: the candidate, another candidate, or the champion.

    Attributes:
        holdout: Every metric on the decision's holdout.
        interval: Of the primary metric on the holdout, at 95 %, by resampling whole days.
    """

    candidate: str
    candidate_id: str
    estimator: str
    as_of: date
    version: str = ""
    tracking_run_id: str = ""
    model_uri: str = ""
    params: dict[str, float | int | str | bool | None] = {}
    cv_mean: float | None = None
    cv_std: float | None = None
    holdout: dict[str, float] = {}
    interval: tuple[float, float] | None = None


class Decision(Receipt):
    """Be one verdict with all its evidence; `decision_id` is a function of the evidence, so a retry writes it once.

    Attributes:
        holdout_data: The holdout's rows, day by day, so that they can be judged on again.
        measurements: What was measured beside the metrics.
        measured_by: A hash of what was declared about measuring them; empty in decisions of before it was kept.
        code_fingerprint: `decision_code` then; a hash of `include/ml` in decisions of before it was kept.
        ledger_length: How many entries the ledger had when it was judged: those about it come after them.
        in_force_version: Of the champion in force when it was judged, empty without one; a late run compares with
            `champion`, that of its own day. None in records of before it was kept.
        row: What one row is, as pages name it.
        display: How pages write a feature's values, where they are not plain numbers.
    """

    decision_id: str
    project: str
    as_of: date
    verdict: Verdict
    reason: str
    made_at: datetime
    train: Span
    holdout: Span
    holdout_rows: int
    train_rows: int
    positive_rate: float
    primary_metric: str
    challenger: ModelSummary
    champion: ModelSummary | None
    baseline: dict[str, float]
    others: tuple[ModelSummary, ...] = ()
    gates: tuple[GateResult, ...]
    holdout_data: tuple[DayRows, ...] = ()
    measurements: Measurements = Measurements()
    measured_by: str = ""
    ledger_length: int = 0
    in_force_version: str | None = None
    row: RowName = RowName()
    display: dict[str, DisplayFormat] = {}
    data_fingerprint: str
    code_fingerprint: str
    origin: Origin


class Standing(Receipt):
    """Say what is in force after a ledger entry, so that the newest entry tells it without reading the others.

    Attributes:
        champion: The entry that put the champion in force, 0 before the first.
        pin: The entry that pinned it, 0 when nothing is pinned.
        barred: Candidate ids that were rolled back: they stay out until a person promotes one again.
        nights: What the newest nights' challengers were worth, oldest day first: day, metric, value. Neither backfills
            nor what was rejected is among them.
    """

    champion: int = 0
    pin: int = 0
    barred: tuple[str, ...] = ()
    nights: tuple[tuple[date, str, float], ...] = ()


class LedgerEntry(Receipt):
    """Be one numbered line of a project's history.

    `decision` records a verdict. `promotion` and `rollback` put a version in force: the champion is that of the newest
    of them. `pin` keeps it there whatever the nights prove, `unpin` ends that.

    Attributes:
        as_of: The day of the model's data that the entry is about.
        verdict: Of the decision the entry is about; None for what a person did without one.
        reason: Why, in a sentence: the verdict's, or the person's own words.
        metric: The primary metric of the decision; empty in entries of before it was kept.
        value: The challenger's, on the decision's holdout; None in entries of before it was kept.
        previous: For promotion and rollback: the entry in force before, 0 when there was none.
        standing: What is in force after this entry.
        approval: What a person answered when asked whether to promote; None when nobody was asked.
        highest_version: The highest model version that this entry or one before it holds; None in entries of before it
            was kept.
        decision_sha256: Of the bytes of the decision the entry is about; empty in entries of before it was kept.
        release_sha256: For what puts a version in force: of the bytes of its release's manifest; empty in entries of
            before it was kept.
        previous_sha256: Of the bytes of the entry before; empty in the first and in entries of before it was kept.
        origin: Who, in which run, with which code.
    """

    number: int
    kind: EntryKind
    project: str
    as_of: date
    made_at: datetime
    verdict: Verdict | None = None
    reason: str
    decision_id: str
    decision_uri: str
    report_uri: str = ""
    candidate: str
    candidate_id: str
    version: str = ""
    release_uri: str = ""
    tracking_run_id: str = ""
    metric: str = ""
    value: float | None = None
    previous: int = 0
    standing: Standing = Standing()
    approval: ApprovalAnswer | None = None
    highest_version: int | None = None
    decision_sha256: str = ""
    release_sha256: str = ""
    previous_sha256: str = ""
    origin: Origin


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

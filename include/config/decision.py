"""Be the record of one verdict with all its evidence, and the ledger's entries that refer to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from include.config.results import Origin, Receipt, Span, Verdict


class GateResult(Receipt):
    """Say how one gate was judged.

    Attributes:
        kind: The gate's kind, as declared.
        metric: The metric it looks at.
        threshold: What was demanded, in words with the number: ">= 0.6".
        value: The candidate's value, on the holdout.
        reference: The value it was compared with (champion's or baseline's), if any.
        passed: Whether the gate lets the candidate through.
        note: Why, when the numbers do not say it: "no champion as of this day".
    """

    kind: str
    metric: str
    threshold: str
    value: float
    reference: float | None = None
    passed: bool
    note: str = ""


class ModelSummary(Receipt):
    """Describe one model in a decision: the candidate, another candidate, or the champion."""

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


class Decision(Receipt):
    """Be one verdict with all its evidence; `decision_id` is a function of the evidence, so a retry writes it once."""

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
    curves: dict[str, list[tuple[float, float]]] = {}
    data_fingerprint: str
    code_fingerprint: str
    origin: Origin


class LedgerEntry(Receipt):
    """Be one numbered line of a project's history.

    `decision` records a verdict; `promotion` makes a version the champion. The champion is the newest promotion.
    """

    number: int
    kind: Literal["decision", "promotion"]
    project: str
    as_of: date
    made_at: datetime
    verdict: Verdict
    reason: str
    decision_id: str
    decision_uri: str
    report_uri: str = ""
    candidate: str
    candidate_id: str
    version: str = ""
    release_uri: str = ""
    tracking_run_id: str = ""
    origin: Origin

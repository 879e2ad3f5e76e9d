"""Say what each stage is given and what it hands back: small, frozen, JSON-able receipts (never data).

A stage is `run(project, inputs) -> Result`. Inputs hold URIs and days; results travel between tasks by XCom.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

Verdict = Literal["PROMOTE", "HOLD", "REJECT"]
RunType = Literal["scheduled", "manual", "backfill", "asset_triggered", "local"]
# from the one that promotes most to the one that promotes nothing
PromotionMode = Literal["automatic", "approval", "hold"]


class Receipt(BaseModel):
    """Be frozen and closed; `model_dump(mode="json")` is what XCom carries."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(Receipt):
    """Say who caused a piece of work and with which code: goes into every manifest, decision and ledger entry."""

    run_id: str
    dag_id: str = ""
    run_type: RunType = "local"
    triggered_by: str = ""
    git_commit: str = "unknown"
    lock_hash: str = "unknown"


class StageInputs(Receipt):
    """Be what every stage is given.

    Attributes:
        as_of: The day D the run is about; nothing known later than its end may be read.
        store_url: The object store (see `Settings`).
        tracking_url: MLflow.
        connections: Address of each declared connection as a SQLAlchemy URL; secret, never printed.
        force: Prepare and train again, though fresh results exist.
        refresh_raw: Read the source again for days that have a snapshot; the old snapshot is kept beside the new one.
    """

    as_of: date
    store_url: str
    tracking_url: str
    origin: Origin
    connections: dict[str, SecretStr] = {}
    force: bool = False
    refresh_raw: bool = False


class PartitionInputs(StageInputs):
    """Be what ingest, validate and build_features are given.

    Attributes:
        days: Those of one batch.
        landing_url: The store into which the source delivers files; empty is `store_url`.
    """

    landing_url: str = ""
    days: tuple[date, ...]


class Span(Receipt):
    """Be an inclusive run of days."""

    first: date
    last: date


class PlanInputs(StageInputs):
    """Be what plan is given.

    Attributes:
        window_days: Replace the declared `window.days` for this run (the form's field); None keeps it.
        batches: How many batches to spread stale days over (about the number of workers).
    """

    window_days: int | None = None
    batches: int = 2


class PlanResult(Receipt):
    """Say which days are used, and which of them must be prepared (in `batches`) and why."""

    train: Span
    holdout: Span
    days: tuple[date, ...]
    batches: tuple[tuple[date, ...], ...]
    fresh: int
    stale: int
    reasons: dict[str, int] = {}


class IngestResult(Receipt):
    """Count what was snapshot; days that already had a snapshot are `reused`."""

    days: tuple[date, ...]
    rows: int
    written: int
    reused: int


class ValidateResult(Receipt):
    """Count rows that passed and rows set aside in quarantine."""

    days: tuple[date, ...]
    rows: int
    quarantined: int
    data_docs_uri: str = ""


class FeaturesResult(Receipt):
    """Count the labelled rows that models may use, and the rows without a label."""

    days: tuple[date, ...]
    rows: int
    unlabelled: int
    written: int


class TrainInputs(StageInputs):
    """Be what train is given: one candidate and the plan."""

    candidate: str
    plan: PlanResult


class TrainResult(Receipt):
    """Say which model was made, where it is and how it scored in cross-validation on the train part."""

    candidate: str
    candidate_id: str
    model_uri: str
    cv_mean: float
    cv_std: float
    rows: int
    tracking_run_id: str
    reused: bool = False


class EvaluateInputs(StageInputs):
    """Be what evaluate is given."""

    plan: PlanResult
    trained: tuple[TrainResult, ...]
    promotion_mode: PromotionMode | None = None


class EvaluateResult(Receipt):
    """Say the verdict, and where the decision with its evidence is.

    Attributes:
        decision_sha256: Of the decision's bytes; empty in results of before it was kept.
        report_uri: The page that a person reads.
        mode: What a PROMOTE leads to: with `approval` a person is asked first.
        summary: The decision in a few lines of Markdown, for the form that asks for approval.
    """

    verdict: Verdict
    reason: str
    decision_id: str
    decision_uri: str
    challenger: str
    candidate_id: str
    decision_sha256: str = ""
    report_uri: str = ""
    mode: PromotionMode = "automatic"
    summary: str = ""


class ApprovalAnswer(Receipt):
    """Be what a person said when asked whether a proved candidate is promoted.

    Attributes:
        by: Who, as Airflow knows them; empty when nobody answered in time.
        at: When; the end of the wait when nobody did.
        reason: In their own words; empty when they gave none.
    """

    answer: Literal["approved", "rejected", "timed_out"]
    by: str = ""
    at: datetime | None = None
    reason: str = ""


class PromoteInputs(StageInputs):
    """Be what promote is given.

    Attributes:
        approval: What a person answered; None when nobody was asked.
    """

    evaluated: EvaluateResult
    approval: ApprovalAnswer | None = None


class ScoreInputs(StageInputs):
    """Be what score is given; the partition that is scored is the run's day.

    Attributes:
        hindsight: Use the champion in force although its data is later than the day; the predictions say so.
    """

    hindsight: bool = False


class ScoreResult(Receipt):
    """Say what was scored with which model.

    Attributes:
        rows: Rows with a prediction.
        version: Of the model; empty when nothing was scored.
        model_as_of: The day of the model's data; None when nothing was scored.
        predictions_uri: The manifest of the predictions in force; empty when nothing was scored.
        written: False when these predictions, or those of a newer champion, were there before this run.
        hindsight: Whether the model was trained on data later than the scored day; only when asked for.
        skipped: Why nothing was scored: no champion as of the day.
    """

    day: date
    rows: int
    version: str = ""
    model_as_of: date | None = None
    predictions_uri: str = ""
    written: bool
    hindsight: bool = False
    skipped: str = ""


class PromoteResult(Receipt):
    """Say which ledger entry holds the decision, and who is champion now (model version, empty when none).

    Attributes:
        approval: What a person answered; None when nobody was asked.
    """

    verdict: Verdict
    reason: str
    ledger_number: int
    champion_version: str
    report_uri: str
    approval: ApprovalAnswer | None = None

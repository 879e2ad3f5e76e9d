"""Declare one ML project: the frozen, closed schema of `include/projects/<name>/project.yaml`.

Every key is here, with its default and its meaning; `./nightshift check` and the exported JSON Schema are made from it.
The project's name is not a key: the folder's name is the identity.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from include.config.gates import Gate, MetricName

ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
PROJECT_NAME_PATTERN = r"^[a-z][a-z0-9_]{1,49}$"


class Closed(BaseModel):
    """Be frozen and refuse unknown keys: a typing mistake must never be silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Owner(Closed):
    """Who is told of a REJECT or a failure."""

    name: Annotated[str, StringConstraints(min_length=1)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class FileTable(Closed):
    """One file per day (`{date}` or `{previous_date}` in the path) or one undated reference file.

    `path` is relative to the object store; the format follows the ending (.parquet or .csv).
    """

    path: Annotated[str, StringConstraints(pattern=r"^[^/].*\.(parquet|csv)$")]
    required: bool = True


class FileSource(Closed):
    """Read raw data from files in a landing zone of the object store."""

    kind: Literal["files"]
    tables: dict[ColumnName, FileTable] = Field(min_length=1)


class SqlSource(Closed):
    """Read raw data by one query a day from a warehouse; `:date` is the partition's day."""

    kind: Literal["sql"]
    connection: ConnectionName
    query: Annotated[str, StringConstraints(min_length=1)]

    @model_validator(mode="after")
    def _query_is_for_one_day(self) -> SqlSource:
        if ":date" not in self.query:
            raise ValueError("the query must select one day by the parameter :date")
        return self


Source = Annotated[FileSource | SqlSource, Field(discriminator="kind")]


class Target(Closed):
    """Say what is predicted: a raw column made binary by one rule. Rows where `column` is null have no label."""

    name: ColumnName
    column: ColumnName
    greater_than: float | None = None
    equals: str | int | bool | None = None

    @model_validator(mode="after")
    def _exactly_one_rule(self) -> Target:
        if (self.greater_than is None) == (self.equals is None):
            raise ValueError("exactly one of greater_than and equals is needed")
        return self


class Window(Closed):
    """Say which days a run for day D uses, all of them known by the end of D.

    Attributes:
        label_delay_days: The label of day d is known at the end of day d + this; matured days are d <= D - this.
        days: How many of the newest matured days are used in all.
        holdout_days: How many of those, the newest, judge the models; no model is fitted or tuned on them.
        lookback_days: How many earlier days `build_features` may read for one day.
        excluded: Days left out on purpose; say why in a comment.
    """

    label_delay_days: int = Field(default=1, ge=0, le=365)
    days: int = Field(ge=3, le=1825)
    holdout_days: int = Field(ge=1)
    lookback_days: int = Field(default=0, ge=0, le=90)
    excluded: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _something_left_to_train_on(self) -> Window:
        if self.holdout_days * 2 > self.days:
            raise ValueError(f"holdout_days must be at most half of days ({self.days})")
        return self


class Features(Closed):
    """Name the columns that `build_features` returns and models may use, by how they are encoded."""

    numeric: tuple[ColumnName, ...] = ()
    categorical: tuple[ColumnName, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return all feature names, numeric first, in the declared order."""
        return self.numeric + self.categorical

    @model_validator(mode="after")
    def _named_once(self) -> Features:
        if not self.names:
            raise ValueError("at least one feature is needed")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return self


class Search(Closed):
    """Try `trials` random settings of `space`, scored by cross-validation inside the train part."""

    trials: int = Field(ge=1, le=500)
    space: dict[str, list[float | int | str | bool | None]] = Field(min_length=1)


class Candidate(Closed):
    """One model to try."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    estimator: Literal["logistic_regression", "xgboost"]
    params: dict[str, float | int | str | bool | None] = {}
    search: Search | None = None


class CrossValidation(Closed):
    """Say how the train part is split to score candidates: `time` keeps every fold's past before its future."""

    folds: int = Field(default=3, ge=2, le=20)
    order: Literal["time", "random"] = "time"


class Metrics(Closed):
    """Say which number chooses between candidates, and which are reported beside it."""

    primary: MetricName = "roc_auc"
    also: tuple[MetricName, ...] = ("average_precision", "brier_score", "log_loss")


class Quality(Closed):
    """Bound what validation may set aside before it rejects a whole day."""

    max_rejected_fraction: float = Field(default=0.02, ge=0, lt=0.5)
    min_rows: int = Field(default=1, ge=1)


class Promotion(Closed):
    """Say what a passing candidate leads to.

    `automatic` promotes it when it is better than the champion by more than `min_improvement` of the primary metric;
    `hold` records the decision and never promotes.
    """

    mode: Literal["automatic", "hold"] = "automatic"
    min_improvement: float = Field(default=0.0, ge=0, lt=1)


class Project(Closed):
    """Be the declaration of one project, with its name and folder."""

    name: Annotated[str, StringConstraints(pattern=PROJECT_NAME_PATTERN)]
    folder: Path
    owner: Owner
    description: Annotated[str, StringConstraints(min_length=10)]
    problem: Literal["binary"]
    schedule: Annotated[str, StringConstraints(min_length=1)]
    tags: tuple[str, ...] = ()
    source: Source
    keys: tuple[ColumnName, ...] = Field(min_length=1)
    target: Target
    window: Window
    features: Features
    unknown_at_prediction: tuple[ColumnName, ...] = ()
    protected: tuple[ColumnName, ...] = ()
    pii: tuple[ColumnName, ...] = ()
    quality: Quality = Quality()
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    cross_validation: CrossValidation = CrossValidation()
    metrics: Metrics = Metrics()
    gates: tuple[Gate, ...] = Field(min_length=1)
    promotion: Promotion = Promotion()
    seed: int = Field(default=20130101, ge=0, le=2**31 - 1)

    def candidate(self, name: str) -> Candidate:
        """Return the declared candidate called `name`."""
        return next(candidate for candidate in self.candidates if candidate.name == name)

    def relevant(self, *keys: str) -> dict[str, Any]:
        """Return the named parts as plain JSON values, for a fingerprint of what matters to one stage."""
        return self.model_dump(mode="json", include=set(keys))

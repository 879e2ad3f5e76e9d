"""Declare one ML project: the frozen, closed schema of `include/projects/<name>/project.yaml`.

Every key is here or in `parts`, `source` and `gates`, with its default and its meaning; `./nightshift check` and the
exported JSON Schema are made from them. The project's name is not a key: the folder's name is the identity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from include.config.consistency import findings_of
from include.config.gates import Gate
from include.config.sections import (
    Candidate,
    CrossValidation,
    Features,
    Keep,
    Metrics,
    Owner,
    Promotion,
    Quality,
    Scoring,
    Search,
    Target,
    Threshold,
    Training,
    Value,
    Window,
)
from include.config.source import ColumnName, FileSource, FileTable, Source, SqlSource
from include.domain.base_model import Closed, ValidationIssuesError
from include.domain.decision import DisplayFormat, RowName

__all__ = [
    "Candidate",
    "ColumnName",
    "CrossValidation",
    "Features",
    "FileSource",
    "FileTable",
    "Keep",
    "Metrics",
    "Owner",
    "Project",
    "Promotion",
    "Quality",
    "Scoring",
    "Search",
    "SqlSource",
    "Target",
    "Threshold",
    "Training",
    "Value",
    "Window",
]

PROJECT_NAME_PATTERN = r"^[a-z][a-z0-9_]{1,49}$"


class Project(Closed):
    """Be the declaration of one project, with its name and folder.

    Attributes:
        name: The folder's name; not a key of the file.
        folder: Where the project is; not a key of the file.
        owner: Who is told.
        description: One sentence: what is predicted, for whom.
        problem: What kind of answer.
        schedule: When a night starts: five cron fields in UTC, or a preset like @daily; at most once a day.
        tags: Labels in Airflow's list of Dags.
        row: What one row is, as pages name it.
        display: How pages write a feature's values, where they are not plain numbers.
        source: Where raw data comes from.
        keys: Columns that together identify a row; never features.
        target: What is predicted.
        window: Which days are used.
        features: What models may use.
        unknown_at_prediction: Raw columns known only afterwards; taken away before features are built.
        protected: Columns of groups that results are compared by.
        slices: Features that results are compared by, too.
        pii: Columns of personal data; dropped, never features.
        quality: What validation tolerates.
        candidates: The models to try.
        training: In which container models are trained; left out, the worker itself trains.
        cross_validation: How candidates are scored on the train part.
        metrics: The numbers that are measured.
        threshold: From which score on the answer is yes.
        value: What each outcome is worth; left out, no money is counted.
        gates: What a candidate must prove on the holdout.
        promotion: What a passing candidate leads to.
        scoring: When the champion scores new days; left out, it scores none.
        keep: What retention keeps.
        seed: Makes every draw of chance repeatable.
    """

    name: Annotated[str, StringConstraints(pattern=PROJECT_NAME_PATTERN)]
    folder: Path
    owner: Owner
    description: Annotated[str, StringConstraints(min_length=10)]
    problem: Literal["binary"]
    schedule: Annotated[str, StringConstraints(min_length=1)]
    tags: tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...] = ()
    row: RowName = RowName()
    display: dict[ColumnName, DisplayFormat] = {}
    source: Source
    keys: tuple[ColumnName, ...] = Field(min_length=1)
    target: Target
    window: Window
    features: Features
    unknown_at_prediction: tuple[ColumnName, ...] = ()
    protected: tuple[ColumnName, ...] = ()
    slices: tuple[ColumnName, ...] = ()
    pii: tuple[ColumnName, ...] = ()
    quality: Quality = Quality()
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    training: Training = Training()
    cross_validation: CrossValidation = CrossValidation()
    metrics: Metrics = Metrics()
    threshold: Threshold = Threshold()
    value: Value | None = None
    gates: tuple[Gate, ...] = Field(min_length=1)
    promotion: Promotion = Promotion()
    scoring: Scoring | None = None
    keep: Keep = Keep()
    seed: int = Field(default=20130101, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _keys_agree(self) -> Project:
        findings = findings_of({key: getattr(self, key) for key in type(self).model_fields})
        if findings:
            raise ValidationIssuesError(findings)
        return self

    def candidate(self, name: str) -> Candidate:
        """Return the declared candidate called `name`."""
        return next(candidate for candidate in self.candidates if candidate.name == name)

    def relevant(self, *keys: str) -> dict[str, Any]:
        """Return the named parts as plain JSON values, for a fingerprint of what matters to one stage."""
        return self.model_dump(mode="json", include=set(keys))

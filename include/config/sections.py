"""Declare the parts of a project but its source and gates, each with its defaults and the checks it needs alone."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, StringConstraints, model_validator

from include.config.estimators import ParamValue, estimators
from include.config.source import ColumnName
from include.domain.base_model import Closed, ValidationIssue, ValidationIssuesError
from include.domain.errors import SettingsError
from include.domain.metrics import MetricName
from include.domain.results import PromotionMode

MAX_TIMEOUT_HOURS = 24 * 30
if TYPE_CHECKING:
    EstimatorName: TypeAlias = str
else:
    EstimatorName = Literal[tuple(estimators())]


class Approval(Closed):
    """Say how a person is asked, where the mode is `approval`.

    Attributes:
        timeout_hours: How long the run waits for an answer.
        on_timeout: What no answer means: `hold` promotes nothing, `promote` promotes unless it was overtaken.
    """

    timeout_hours: float = Field(default=24.0, ge=0.01, le=MAX_TIMEOUT_HOURS)
    on_timeout: Literal["hold", "promote"] = "hold"


def no_looser_than(declared: PromotionMode) -> tuple[PromotionMode, ...]:
    """Return the modes that a run may ask for: the declared one, and those that promote less, the loosest first."""
    modes: tuple[PromotionMode, ...] = get_args(PromotionMode)
    return modes[modes.index(declared) :]


def stricter(one: PromotionMode, other: PromotionMode) -> PromotionMode:
    """Return that of two modes which promotes less."""
    return one if one in no_looser_than(other) else other


def mode_in_force(project: str, declared: PromotionMode, asked: PromotionMode | None) -> PromotionMode:
    """Return the mode of one run: what it asks for, or what is declared.

    Args:
        project: Its name.
        declared: Its `promotion.mode`.
        asked: What the run's form, configuration or inputs say; None for what is declared.

    Raises:
        SettingsError: The run asks for less care than is declared. A person may promote by hand: the ledger keeps who
            did it and why.
    """
    if asked is None or asked in no_looser_than(declared):
        return asked or declared
    raise SettingsError(
        f"{project}: promotion_mode of this run",
        f"a run may only tighten what project.yaml declares, which is promotion.mode: {declared}",
        got=asked,
        allowed=no_looser_than(declared),
        hint=f"put a version in force by hand, with a reason that the ledger keeps: ./nightshift promote {project} "
        "VERSION --reason ...; or declare another promotion.mode",
    )


class Owner(Closed):
    """Say who is told of a REJECT or a failure.

    Attributes:
        name: A person or a team.
        email: Where messages go.
    """

    name: Annotated[str, StringConstraints(min_length=1)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class Target(Closed):
    """Say what is predicted: a raw column made binary by exactly one rule.

    Attributes:
        name: What the label is called in features, reports and answers.
        column: The raw column it is made from; rows where it is null have no label.
        greater_than: 1 where the column is above this number, else 0.
        equals: 1 where the column has this value, else 0.
        others: With `equals`: all other values that the column may hold. Left out, what most days hold is known.
    """

    name: ColumnName
    column: ColumnName
    greater_than: float | None = None
    equals: str | int | bool | None = None
    # a key that came later and is not declared leaves the hash of an older declaration what it was
    others: tuple[str | int | bool, ...] | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _exactly_one_rule(self) -> Target:
        if self.others is not None and self.equals is None:
            hint = "remove it: greater_than tells every number"
            raise ValidationIssuesError([ValidationIssue(("others",), "only equals has other values", hint=hint)])
        if (self.greater_than is None) == (self.equals is None):
            both = "both" if self.equals is not None else "neither"
            raise ValidationIssuesError([ValidationIssue((), "exactly one of greater_than and equals is needed", both)])
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
            what = f"must be at most half of window.days ({self.days})"
            raise ValidationIssuesError([ValidationIssue(("holdout_days",), what, allowed=(f"1 to {self.days // 2}",))])
        return self


class Features(Closed):
    """Name the columns that `build_features` returns and models may use, by how they are encoded.

    Attributes:
        numeric: Columns of numbers: missing ones are imputed, all are scaled where the estimator needs it.
        categorical: Columns of text: one-hot encoded.
    """

    numeric: tuple[ColumnName, ...] = ()
    categorical: tuple[ColumnName, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return all feature names, numeric first, in the declared order."""
        return self.numeric + self.categorical

    @model_validator(mode="after")
    def _named_once(self) -> Features:
        if not self.names:
            raise ValidationIssuesError([ValidationIssue((), "at least one feature is needed", "none")])
        seen: set[str] = set()
        findings = []
        for kind, names in (("numeric", self.numeric), ("categorical", self.categorical)):
            for index, name in enumerate(names):
                if name in seen:
                    findings.append(ValidationIssue((kind, index), "the feature is named twice", hint="keep one"))
                seen.add(name)
        if findings:
            raise ValidationIssuesError(findings)
        return self


class Search(Closed):
    """Try random settings, scored by cross-validation inside the train part.

    Attributes:
        trials: How many settings are drawn.
        space: The values to draw from, for each parameter.
    """

    trials: int = Field(ge=1, le=500)
    space: dict[str, list[ParamValue]] = Field(min_length=1)


class Candidate(Closed):
    """Name one model to try.

    Attributes:
        name: What it is called in reports.
        estimator: Which kind of model.
        params: Fixed parameters of the estimator.
        search: Parameters to search for.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    estimator: EstimatorName
    params: dict[str, ParamValue] = {}
    search: Search | None = None


class CrossValidation(Closed):
    """Say how the train part is split to score candidates.

    Attributes:
        folds: Into how many parts.
        order: `time` keeps every fold's past before its future; `random` is for data without a time.
    """

    folds: int = Field(default=3, ge=2, le=20)
    order: Literal["time", "random"] = "time"


class Metrics(Closed):
    """Say which number chooses between candidates, and which are reported beside it.

    Attributes:
        primary: Chooses the challenger and decides whether it beats the champion.
        also: Reported, and open to gates.
    """

    primary: MetricName = "roc_auc"
    also: tuple[MetricName, ...] = ("average_precision", "brier_score", "log_loss")


class Quality(Closed):
    """Bound what validation may set aside before it rejects a whole day.

    Attributes:
        max_rejected_fraction: The largest share of a day's rows that may be set aside.
        min_rows: A day with fewer rows is rejected.
    """

    max_rejected_fraction: float = Field(default=0.02, ge=0, lt=0.5)
    min_rows: int = Field(default=1, ge=1)


class Promotion(Closed):
    """Say what a passing candidate leads to.

    Attributes:
        mode: `automatic` promotes what is proved better; `approval` asks a person first; `hold` records the decision.
        approval: How a person is asked, where the mode is `approval`.
    """

    mode: Literal["automatic", "approval", "hold"] = "automatic"
    approval: Approval = Approval()

    @model_validator(mode="before")
    @classmethod
    def _proof_is_a_gate(cls, values: Any) -> Any:
        findings = [
            ValidationIssue((old,), "what proves a challenger better is a gate now", hint=_as_gate(new, values[old]))
            for old, new in (("min_improvement", "margin"), ("confidence", "confidence"))
            if isinstance(values, dict) and old in values
        ]
        if findings:
            raise ValidationIssuesError(findings)
        return values

    @model_validator(mode="after")
    def _asked_only_in_its_mode(self) -> Promotion:
        if self.mode != "approval" and self.approval != Approval():
            hint = "write 'mode: approval' to have a person asked, or remove it"
            raise ValidationIssuesError(
                [ValidationIssue(("approval",), f"nobody is asked in mode {self.mode}", hint=hint)]
            )
        return self


def _as_gate(key: str, value: object) -> str:
    gate = f"{{kind: better_than_champion, metric: <the primary one>, {key}: {value}}}"
    return f"remove it, and declare among the gates: {gate}"


# a hundred years: beyond, reckoning with dates ends
MAX_KEPT_DAYS = 36_525


class Keep(Closed):
    """Say what retention keeps; what the champion, a pin or a rollback needs is kept in any case.

    Attributes:
        raw_days: Raw snapshots and their validation, for this many days before the newest one.
        features_days: Feature rows, for this many days before the newest ones.
        versions: This many of the newest model versions, and of the newest champions: how far back a rollback reaches.
    """

    raw_days: int = Field(default=730, ge=1, le=MAX_KEPT_DAYS)
    features_days: int = Field(default=730, ge=1, le=MAX_KEPT_DAYS)
    versions: int = Field(default=30, ge=2)


# what scoring writes beside a project's keys
PREDICTION_COLUMNS = ("score", "answer", "version")


class Scoring(Closed):
    """Ask for a `<project>__score` Dag, which scores each day with the champion.

    Attributes:
        schedule: When it starts: five cron fields in UTC, or a preset like @daily; at most once a day.
    """

    schedule: Annotated[str, StringConstraints(min_length=1)]


Objective = Literal["fixed", "f_beta", "value", "precision_at_recall"]
_OBJECTIVE_OF: dict[str, Objective] = {"value": "fixed", "beta": "f_beta", "recall": "precision_at_recall"}


class Threshold(Closed):
    """Say from which score on the answer is yes; chosen on the train part, in cross-validation, never on the holdout.

    `fixed` is the declared value; `f_beta` has the best F-beta; `value` earns most by the project's `value:`;
    `precision_at_recall` is the most precise threshold that still finds the declared share of the positives.

    Attributes:
        objective: How it is chosen: `fixed`, `f_beta`, `value` or `precision_at_recall`.
        value: For `fixed`: the threshold itself.
        beta: For `f_beta`: above 1 counts recall for more, below 1 precision.
        recall: For `precision_at_recall`: the least share of the positives to find.
    """

    objective: Objective = "fixed"
    value: float = Field(default=0.5, gt=0, lt=1)
    beta: float = Field(default=1.0, gt=0, le=10)
    recall: float = Field(default=0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Threshold:
        # a default may stand there: a record of a training holds every key
        findings = [
            ValidationIssue(
                (key,), f"only objective '{objective}' looks at it; this one is '{self.objective}'", hint=hint
            )
            for key, objective in _OBJECTIVE_OF.items()
            if objective != self.objective and getattr(self, key) != type(self).model_fields[key].default
            for hint in (f"remove it, or write objective: {objective}",)
        ]
        if findings:
            raise ValidationIssuesError(findings)
        return self


class Value(Closed):
    """Say what each outcome is worth, for one row; costs are negative.

    Attributes:
        currency: What it is counted in.
        true_positive: Said yes, and it was.
        false_positive: Said yes, and it was not.
        false_negative: Said no, and it was.
        true_negative: Said no, and it was not.
    """

    currency: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    true_positive: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_negative: float = 0.0

    @model_validator(mode="after")
    def _right_is_worth_more(self) -> Value:
        findings = []
        if self.true_positive <= self.false_negative:
            what = "acting on a positive must be worth more than missing it"
            hint = f"more than false_negative ({self.false_negative:g})"
            findings.append(ValidationIssue(("true_positive",), what, f"{self.true_positive:g}", hint=hint))
        if self.true_negative <= self.false_positive:
            what = "leaving a negative alone must be worth more than acting on it"
            hint = f"more than false_positive ({self.false_positive:g}); costs are negative"
            findings.append(ValidationIssue(("true_negative",), what, f"{self.true_negative:g}", hint=hint))
        if findings:
            raise ValidationIssuesError(findings)
        return self


_NAMED_HOST = r"localhost|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
_HOST_WITH_PORT = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?:[0-9]+"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
# Docker's grammar of references (distribution/reference), with a registry that Docker takes for one
IMAGE_PATTERN = (
    rf"^((({_NAMED_HOST})(:[0-9]+)?|{_HOST_WITH_PORT})/)?{_PART}(/{_PART})*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
LIMITS = ("cpus", "memory_mb")
# the libraries alone take 300 MB
MIN_MEMORY_MB = 512


class Training(Closed):
    """Say in which container models are trained, and how much of the machine it may use.

    Attributes:
        image: A Docker image that holds this repository's code: `name:tag`; left out, the worker itself trains.
        cpus: How many of the machine's processors the container may use; 1.5 is one and a half.
        memory_mb: How much memory it may use, in MB; a training that needs more is ended, and says so.
    """

    image: Annotated[str, StringConstraints(pattern=IMAGE_PATTERN, max_length=255)] | None = None
    cpus: float = Field(default=1.0, ge=0.1, le=256)
    memory_mb: int = Field(default=2048, ge=MIN_MEMORY_MB, le=1_048_576)

    @model_validator(mode="after")
    def _limits_have_a_container(self) -> Training:
        declared = {key: getattr(self, key) for key in LIMITS if key in self.model_fields_set}
        # a whole declaration that was written down and is read again names the defaults, too
        written_whole = "image" in self.model_fields_set
        what = "only a container can be limited: a task shares its worker with others"
        findings = [
            ValidationIssue((key,), what, hint="name the image to train in, or remove the limit")
            for key, value in declared.items()
            if self.image is None and not (written_whole and value == type(self).model_fields[key].default)
        ]
        if findings:
            raise ValidationIssuesError(findings)
        return self

"""Declare the forms a person fills in to trigger a Dag, and read them back: also which day a run is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import Param

from include.config.project import Project
from include.config.sections import no_looser_than
from include.domain.clock import complete
from include.domain.errors import AsOfError, SettingsError, did_you_mean
from include.domain.results import PromotionMode

MAX_WINDOW_DAYS = 1825
FIELDS = ("as_of", "window_days", "promotion_mode", "force", "refresh_raw")
SCORE_FIELDS = ("as_of", "hindsight", "force")
DECLARED = "declared"
PROMOTION_MODES: Mapping[str, str] = {
    DECLARED: "as project.yaml says",
    "automatic": "promote a candidate that passes and is better",
    "approval": "ask a person first (a backfill never asks, and promotes nothing)",
    "hold": "record the decision, promote nothing",
}


def retrain_params(project: Project) -> dict[str, Param]:
    """Return the fields of a project's retrain form; each has a default that a nightly run uses."""
    modes = [DECLARED, *no_looser_than(project.promotion.mode)]
    smallest = max(3, 2 * project.window.holdout_days)
    return {
        "as_of": _as_of("The day the run is about, in UTC: nothing known later is read."),
        "window_days": Param(
            None,
            type=["null", "integer"],
            minimum=smallest,
            maximum=MAX_WINDOW_DAYS,
            title="Window (days)",
            description_md=f"How many days are used, holdout included: {smallest} to {MAX_WINDOW_DAYS}. "
            f"Empty: {project.window.days}, as declared.",
        ),
        "promotion_mode": Param(
            DECLARED,
            type="string",
            enum=modes,
            values_display={mode: f"{mode}: {PROMOTION_MODES[mode]}" for mode in modes},
            title="Promotion",
            description_md=f"What a passing candidate leads to. Declared: `{project.promotion.mode}`. A run may only "
            f"tighten that; a person promotes by hand, with a reason: `./nightshift promote {project.name} VERSION`.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description_md="Prepare the days and train the candidates again, though fresh results exist.",
        ),
        "refresh_raw": Param(
            False,
            type="boolean",
            title="Read the source again",
            description_md="Read the raw data of every day of the window again. A day that differs gets a new "
            "snapshot and is prepared again; the old snapshot is kept.",
        ),
    }


def score_params() -> dict[str, Param]:
    """Return the fields of the score form; each has a default that a nightly run uses."""
    return {
        "as_of": _as_of("The day that is scored, in UTC, with the champion as of that day."),
        "hindsight": Param(
            False,
            type="boolean",
            title="Hindsight",
            description_md="Use the champion in force although its data is later than the day. The predictions say "
            "so, and never replace any that were made without hindsight.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description_md="Prepare the day and score it again, though fresh results exist. Predictions of a later "
            "champion stay.",
        ),
    }


def _as_of(meaning: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description_md=f"{meaning} Empty: the run's partition key, or the newest complete day.",
    )


def promotion_mode(params: Mapping[str, Any]) -> PromotionMode | None:
    """Return the promotion mode of the form, or None for the declared one."""
    asked: PromotionMode | str = params["promotion_mode"]
    return None if asked == DECLARED else asked  # type: ignore[return-value]  # the form's enum has checked it


def refuse_unknown(conf: Mapping[str, Any] | None, fields: tuple[str, ...] = FIELDS) -> None:
    """Refuse a run's configuration with a field that the form does not have: Airflow would silently take it.

    Raises:
        SettingsError: With the field's likely name.
    """
    for name in sorted(set(conf or {}) - set(fields)):
        raise SettingsError(
            "the run's configuration",
            "no such field",
            got=repr(name),
            allowed=fields,
            hint=did_you_mean(name.replace("-", "_"), fields),
        )


ROLLBACK_FIELDS = ("project", "version", "reason")
PIN_FIELDS = ("project", "action", "reason")
ACTIONS = {
    "pin": "keep the champion in force, whatever the nights prove",
    "unpin": "let the next night promote again",
}


def rollback_params(projects: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the rollback form."""
    return {
        "project": _project(projects),
        "version": Param(
            None,
            type=["null", "string"],
            pattern=r"^[0-9]*$",
            title="Version",
            description_md="The earlier champion that is put back in force. Empty: the one before.",
        ),
        "reason": _reason(),
    }


def pin_params(projects: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the pin form."""
    return {
        "project": _project(projects),
        "action": Param(
            "pin",
            type="string",
            enum=list(ACTIONS),
            values_display={action: f"{action}: {meaning}" for action, meaning in ACTIONS.items()},
            title="Action",
            description_md="A pin holds nights and promotions by hand; a rollback works all the same.",
        ),
        "reason": _reason(),
    }


def _project(projects: Sequence[str]) -> Param:
    return Param(
        type="string", enum=list(projects), title="Project", description_md="The project whose champion is meant."
    )


def _reason() -> Param:
    return Param(
        type="string",
        minLength=1,
        pattern=r"\S",
        title="Reason",
        description_md="Why, in a sentence. The ledger keeps it for good, with your name.",
    )


WHERE = "the day of the run"
HINT = "set 'as_of' in the trigger form (or in --conf), or give the run a partition key: the day as YYYY-MM-DD"


def resolve_as_of(context: Mapping[str, Any]) -> date:
    """Return the as-of day of a task's run: the param `as_of`, else the partition key, else the data interval.

    A run that a person triggered with an empty form has none of them: it is about the newest day that was complete when
    it was asked for. `run_after` is stored with the run, so a cleared run is about the same day again.

    Args:
        context: A task's context; read are `params`, and of `dag_run` its partition key, data interval, logical date,
            type and `run_after`.

    Raises:
        AsOfError: None of them is there, two of them disagree, one is not a day, or the day is not complete yet.
    """
    dag_run = context["dag_run"]
    asked = _day(context["params"].get("as_of"), "param as_of")
    key = _day(dag_run.partition_key, "partition key")
    if asked and key and asked != key:
        raise AsOfError(
            WHERE,
            "param as_of and the run's partition key name two days",
            got=f"as_of {asked}, partition key {key}",
            hint="give one of them",
        )
    day = asked or key or _interval_day(dag_run) or _asked_day(dag_run)
    if day is None:
        raise AsOfError(WHERE, "nothing says which day the run is about", hint=HINT)
    return complete(day)


def _day(value: object, name: str) -> date | None:
    if value is None or value == "":
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        day = None
    if day is None or day.isoformat() != str(value):
        raise AsOfError(f"{WHERE}: {name}", "not a day", got=repr(value), allowed=("YYYY-MM-DD",))
    return day


def _asked_day(dag_run: Any) -> date | None:
    # compared with ==: str() of this enum is not its value
    if dag_run.run_type != "manual":
        return None
    asked: datetime = dag_run.run_after.astimezone(UTC)
    return asked.date() - timedelta(days=1)


def _interval_day(dag_run: Any) -> date | None:
    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if start is None or end is None:
        return None
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start.time() != datetime.min.time() or end - start != timedelta(days=1):
        raise AsOfError(
            f"{WHERE}: data interval",
            "not one whole day in UTC",
            got=f"{start.isoformat()} to {end.isoformat()}",
            hint=HINT,
        )
    # `airflow dags trigger --logical-date X` infers the interval from the clock, not from X
    logical = dag_run.logical_date
    if logical is not None and logical.astimezone(UTC).date() - timedelta(days=1) != start.date():
        raise AsOfError(
            f"{WHERE}: logical date",
            "the run's data interval is not the day before it",
            got=f"logical date {logical.isoformat()}, interval of {start.date()}",
            hint=HINT,
        )
    return start.date()

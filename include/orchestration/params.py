"""Be the forms a person fills in to trigger a retraining or a scoring, and read them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from include.config.approval import no_looser_than
from include.config.errors import SettingsError, did_you_mean
from include.config.project import Project
from include.config.results import PromotionMode

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

"""Call one stage from a task: give it its inputs, and turn its failure into Airflow's retry or fail-now."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from include.config.discovery import load_project
from include.config.errors import BUGS, NightshiftError
from include.config.project import Project
from include.config.results import (
    EvaluateInputs,
    Origin,
    PartitionInputs,
    PlanInputs,
    PromoteInputs,
    RunType,
    ScoreInputs,
    StageInputs,
    TrainInputs,
)
from include.config.settings import Settings, git_commit, lock_hash
from include.config.stages import Stage
from include.orchestration.as_of import resolve_as_of
from include.orchestration.connections import source_connections
from include.orchestration.namespaces import settings_of

log = logging.getLogger(__name__)

INPUTS: Mapping[Stage, type[StageInputs]] = {
    "plan": PlanInputs,
    "ingest": PartitionInputs,
    "validate": PartitionInputs,
    "build_features": PartitionInputs,
    "train": TrainInputs,
    "evaluate": EvaluateInputs,
    "promote": PromoteInputs,
    "score": ScoreInputs,
}
# Airflow's other types (by an operator, by materialising an asset) are asked for, like a manual run
RUN_TYPES: tuple[RunType, ...] = ("scheduled", "manual", "backfill", "asset_triggered")
# the key of the XCom that says why a task failed; the owner's message and the command line read it
ERROR_KEY = "error"


def call_stage(stage: Stage, project_name: str, by: Callable[[Project, Any], Any] | None = None, **given: Any) -> Any:
    """Run a stage for the current task's project and day.

    Args:
        stage: Its module in `include/stages` is imported here, never when a Dag file is parsed.
        project_name: The project's declaration is read here, too: a task is given names, not objects.
        by: Runs the stage elsewhere, with the same project and inputs; None runs it here.
        given: The stage's own inputs, as they came by XCom (plain JSON).

    Returns:
        The stage's result.

    Raises:
        AirflowFailException: The stage failed in a way that a retry cannot heal.
        NightshiftError: It failed in a way that a retry may heal.
    """
    from airflow.sdk import get_current_context

    context = get_current_context()
    with failures_for_airflow(context):
        settings = settings_of(context["dag_run"].dag_id)
        project = load_project(settings.projects_dir, project_name)
        inputs = INPUTS[stage].model_validate({**common_inputs(stage, project, settings, context), **given})
        run = by or importlib.import_module(f"include.stages.{stage}").run
        return run(project, inputs)


def common_inputs(stage: Stage, project: Project, settings: Settings, context: Any) -> dict[str, Any]:
    """Return the inputs that every stage is given; only ingest reads the source, so only it gets its addresses."""
    reads_source = stage == "ingest"
    return {
        "as_of": resolve_as_of(context),
        "store_url": settings.store_url,
        "tracking_url": settings.tracking_url,
        "origin": origin(context["dag_run"]),
        "connections": source_connections(project, settings) if reads_source else {},
        **({"landing_url": settings.landing_url} if reads_source else {}),
        "force": bool(context["params"]["force"]),
        "refresh_raw": bool(context["params"].get("refresh_raw", False)),
    }


def origin(dag_run: Any) -> Origin:
    """Return who caused the run and with which code."""
    return Origin(
        run_id=dag_run.run_id,
        dag_id=dag_run.dag_id,
        # compared with ==: str() of this enum is not its value
        run_type=next((kind for kind in RUN_TYPES if dag_run.run_type == kind), "manual"),
        triggered_by=dag_run.triggering_user_name or "",
        git_commit=git_commit(),
        lock_hash=lock_hash(),
    )


@contextmanager
def failures_for_airflow(context: Any) -> Iterator[None]:
    """Let retryable failures be retried, and fail now for all that a retry cannot heal.

    Our errors say it by their class. Of others, a bug fails now, because it would only fail again; what is left
    (the operating system, the network, Airflow itself) may heal.
    """
    from airflow.sdk.exceptions import AirflowFailException

    try:
        yield
    except NightshiftError as error:
        context["ti"].xcom_push(ERROR_KEY, f"{type(error).__name__}: {error}")
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        context["ti"].xcom_push(ERROR_KEY, message)
        if isinstance(error, BUGS):
            raise AirflowFailException(message) from error
        raise

"""Add Nightshift to Airflow: pages and links in the UI, and the owner's message when a run fails.

Airflow loads this file by itself in every process, each task's included: whatever is heavy, and all that is ours, is
imported inside functions, when it is used.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

MOUNT = "/nightshift"
RETRAIN_SUFFIX = "__retrain"
SCORE_SUFFIX = "__score"
DECISION_TAB = "decision"
# Airflow may be served below a path: links are absolute within it
AIRFLOW = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
ROOT = AIRFLOW + MOUNT


class _RunLink(BaseOperatorLink):
    """Lead from a task of a retraining to a page about its run."""

    title = ""
    page = ""

    @property
    def name(self) -> str:
        """Return the button's text."""
        return self.title

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's address; empty, so that no button shows, on the tasks of other Dags."""
        if not ti_key.dag_id.endswith(RETRAIN_SUFFIX):
            return ""
        # as Airflow itself writes them: it marks a tab as open only when the addresses are the same
        return self.page.format(dag_id=quote(ti_key.dag_id), run_id=quote(ti_key.run_id, safe=":+"))


class DecisionLink(_RunLink):
    """Lead to the run's decision, on its tab of the run: a link opens in the same window, and the way back is there."""

    title = "Decision"
    page = f"{AIRFLOW}/dags/{{dag_id}}/runs/{{run_id}}/plugin/{DECISION_TAB}"


class TrackingLink(_RunLink):
    """Lead to the challenger's run in MLflow."""

    title = "MLflow run"
    page = f"{ROOT}/mlflow/{{dag_id}}/{{run_id}}"


class DataDocsLink(_RunLink):
    """Lead to the project's Data Docs."""

    title = "Data Docs"
    page = f"{ROOT}/run-data-docs/{{dag_id}}"


class LazyPages:
    """Be the pages' ASGI application, imported at its first request: only the API server ever gets one."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        from include.orchestration.web import app

        await app(scope, receive, send)


class OwnerListener:
    """Tell a project's owner when its run fails; REJECT is such a failure."""

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """Tell in a thread: the scheduler waits for this function."""
        if not dag_run.dag_id.endswith((RETRAIN_SUFFIX, SCORE_SUFFIX)):
            return
        from include.orchestration.notify import TELLER, FailedRun

        TELLER.tell(FailedRun.of(dag_run))


class NightshiftPlugin(AirflowPlugin):
    """Register it all."""

    name = "nightshift"
    fastapi_apps = [{"app": LazyPages(), "url_prefix": MOUNT, "name": "nightshift"}]
    global_operator_extra_links = [DecisionLink(), TrackingLink(), DataDocsLink()]
    listeners = [OwnerListener()]
    external_views = [
        {"name": "Models", "href": f"{ROOT}/", "destination": "nav", "url_route": "models"},
        {
            "name": "Decisions",
            "href": f"{ROOT}/dag/{{DAG_ID}}",
            "destination": "dag",
            "url_route": "decisions",
        },
        {
            "name": "Decision",
            "href": f"{ROOT}/decision/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": DECISION_TAB,
        },
    ]

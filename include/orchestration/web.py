"""Serve decisions, Data Docs and links to MLflow inside Airflow's UI, to whom Airflow lets in."""

from __future__ import annotations

import logging
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from include.config.discovery import discover, is_project_folder, is_project_name
from include.config.settings import Settings
from include.domain.decision import LedgerEntry
from include.domain.errors import NightshiftError, ObjectMissingError, Problem, StoreError
from include.domain.names import (
    APPROVE_TASK,
    RETENTION_DAG,
    named_in,
    project_of,
    registered,
    retrain_dag_id,
    score_dag_id,
    split_name,
)
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.orchestration.dag_building import settings_of
from include.orchestration.pages import (
    ProjectLine,
    act_page,
    decisions_page,
    message_page,
    projects_page,
    trail,
    undecided_page,
    unfinished_page,
    with_trail,
)
from include.orchestration.stage_call import (
    decision_of_run,
    failed_tasks,
    form_of_run,
    is_operation,
    is_paused,
    state_of_run,
    store_of,
    waits_for_a_person,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownProject:
    """Be a project as the pages show it: its text is the part of an address that names it, `namespace.project`."""

    name: str
    namespace: str
    store: ObjectStore

    @classmethod
    def of(cls, settings: Settings, name: str) -> ShownProject:
        """Return a project in the namespace of the settings."""
        return cls(name, settings.namespace, store_of(settings))

    @property
    def ledger(self) -> Ledger:
        """Return its ledger."""
        return Ledger(self.store, self.name)

    def __str__(self) -> str:
        return named_in(self.namespace, self.name)


def is_known(projects_dir: Path, name: str) -> bool:
    """Tell whether a folder is that project's, whether or not it is broken now: what was decided stays to be seen."""
    return is_project_name(name) and is_project_folder(projects_dir, name)


def project_lines(user: Any) -> list[ProjectLine]:
    """Return every project that a user may see, with champion and newest decision, and with what is wrong with it.

    All those of production (or of the environment's own namespace) come first; then those of the home's namespaces
    that have decided something.
    """
    own = Settings.from_environment()
    lines = [_line(*shown) for shown in _allowed(own, user)]
    for namespace in registered(own.home):
        if namespace != own.namespace:
            there = [_line(*shown) for shown in _allowed(own.in_namespace(namespace), user)]
            lines += [line for line in there if line.last is not None]
    return lines


def _allowed(settings: Settings, user: Any) -> Iterator[tuple[ShownProject, tuple[Problem, ...]]]:
    found = discover(settings.projects_dir)
    broken = {name: problems for name, problems in found.broken.items() if is_project_name(name)}
    for name, problems in sorted({**dict.fromkeys(found.projects, ()), **broken}.items()):
        details = DagDetails(id=retrain_dag_id(name, settings.namespace))
        if get_auth_manager().is_authorized_dag(method="GET", details=details, user=user):
            yield ShownProject.of(settings, name), problems


def _line(shown: ShownProject, broken: tuple[Problem, ...]) -> ProjectLine:
    """Return a project's line; a damaged ledger is its own problem, a store that does not answer is everybody's."""
    problems = tuple(map(str, broken))
    try:
        ledger = shown.ledger
        now, last = ledger.in_force(), ledger.newest_night()
    except StoreError:
        raise
    except Exception as error:
        log.exception("the ledger of %s cannot be read", shown)
        return ProjectLine(str(shown), None, None, (*problems, str(error) or type(error).__name__))
    return ProjectLine(str(shown), now, last, problems)


NO_MLFLOW = "no MLflow server runs beside this Airflow: ./nightshift up starts one, NIGHTSHIFT_MLFLOW_URL names another"
MAX_LINES_SHOWN = 100
REPORT_WIDTH = "62rem"
DOCS_WIDTH = "80rem"
HISTORY_WIDTH = "80rem"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# what may be read of a decision's folder, and as what
DOCUMENTS = {
    keys.REPORT: "text/html",
    keys.DATA_REPORT: "text/html",
    keys.MODEL_CARD: "text/plain; charset=utf-8",
    "decision.json": "application/json",
    "explanation.json": "application/json",
}
PATH_PATTERN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=+-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=+-]*)*")
app = FastAPI(title="Nightshift", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(get_user)])


def known_project(project: str, request: Request, user: GetUserDep) -> ShownProject:
    """Return the project of an address (of a namespace: `namespace.project`), if the user may see its Dag."""
    namespace, name = split_name(project)
    settings = Settings.from_environment()
    if not is_known(settings.projects_dir, name):
        raise HTTPException(404, f"no project is called {project!r}")
    requires_access_dag("GET", param_dag_id=retrain_dag_id(name, namespace))(request, user)
    return ShownProject.of(settings.in_namespace(namespace), name)


KnownProject = Annotated[ShownProject, Depends(known_project)]
MAY_SEE_DAG = [Depends(requires_access_dag("GET"))]


@app.exception_handler(HTTPException)
async def explain(request: Request, error: HTTPException) -> Response:
    """Send a browser that is not logged in to Airflow's login, and say everything else on a page."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if error.status_code == 401 and wants_page:
        return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)))
    return HTMLResponse(message_page(str(error.status_code), str(error.detail)), error.status_code, HEADERS)


@app.exception_handler(NightshiftError)
async def explain_failure(request: Request, error: NightshiftError) -> Response:
    """Say why the store or a declaration does not answer."""
    return HTMLResponse(message_page("Not available", str(error)), 503 if error.retryable else 500, HEADERS)


@app.get("/")
def projects(request: Request, user: GetUserDep) -> HTMLResponse:
    """List the projects that the user may see, with champion and newest verdict."""
    return _html(projects_page(_root(request), project_lines(user)))


@app.get("/project/{project}")
def project_decisions(request: Request, project: KnownProject) -> HTMLResponse:
    """List a project's newest decisions."""
    return _decisions(request, project)


@app.get("/dag/{dag_id}", dependencies=MAY_SEE_DAG)
def dag_decisions(request: Request, user: GetUserDep, dag_id: str) -> HTMLResponse:
    """List the newest decisions of a Dag's project; of a Dag that acts on any project, all projects."""
    if is_operation(dag_id):
        return _html(projects_page(_root(request), project_lines(user)))
    return _decisions(request, _project_of_ours(dag_id))


@app.get("/project/{project}/decisions/{number}")
def numbered_decision(request: Request, project: KnownProject, number: int) -> Response:
    """Show the report of one ledger entry."""
    entry = project.ledger.numbered(number)
    if entry is None:
        raise HTTPException(404, f"the ledger of {project} has no entry {number}")
    return _report(request, project, entry)


@app.get("/project/{project}/history/history.html")
def history(request: Request, project: KnownProject) -> HTMLResponse:
    """Show the page of a project's walk-forward record, as it was written last."""
    try:
        page = project.store.get(keys.history_page(project.name))
    except ObjectMissingError:
        text = f"./nightshift history {project.name} writes the page: night by night, what would have been decided."
        return _html(message_page("No history yet", text, above=trail(_root(request), str(project))))
    return _html(with_trail(page, _root(request), str(project), HISTORY_WIDTH))


@app.get("/project/{project}/decisions/{decision_id}/{name}")
def document(request: Request, project: KnownProject, decision_id: str, name: str) -> Response:
    """Show the report of a decision by its id, or what lies beside it: their links also work beside stored pages."""
    if not PATH_PATTERN.fullmatch(decision_id) or name not in DOCUMENTS:
        raise HTTPException(404, "no such page")
    try:
        content = project.store.get(keys.decision_document(project.name, decision_id, name))
    except ObjectMissingError:
        raise HTTPException(404, f"{project} has no {name} of decision {decision_id}") from None
    if name.endswith(".html"):
        return _html(with_trail(content, _root(request), str(project), REPORT_WIDTH))
    return Response(content, media_type=DOCUMENTS[name], headers=HEADERS)


@app.get("/decision/{dag_id}/{run_id}", dependencies=MAY_SEE_DAG)
def run_decision(request: Request, user: GetUserDep, dag_id: str, run_id: str) -> Response:
    """Show the report of the decision that a run wrote, or what a person did by it."""
    if is_operation(dag_id):
        return _act_of_run(request, user, dag_id, run_id)
    entry = decision_of_run(settings_of(dag_id), dag_id, run_id)
    return _report(request, _project_of_ours(dag_id), entry) if entry else _undecided(request, dag_id, run_id)


@app.get("/mlflow/{dag_id}/{run_id}", dependencies=MAY_SEE_DAG)
def run_tracking(request: Request, dag_id: str, run_id: str) -> Response:
    """Go to the challenger's run in MLflow's own UI."""
    settings = settings_of(dag_id)
    entry = decision_of_run(settings, dag_id, run_id)
    if entry is None:
        return _undecided(request, dag_id, run_id)
    if not entry.tracking_run_id:
        raise HTTPException(404, f"the decision of run {run_id} names no MLflow run")
    if not settings.mlflow_url:
        raise HTTPException(503, NO_MLFLOW)
    return RedirectResponse(f"{settings.mlflow_url.rstrip('/')}/#/runs/{quote(entry.tracking_run_id)}")


@app.get("/run-data-docs/{dag_id}", dependencies=MAY_SEE_DAG)
def run_data_docs(request: Request, dag_id: str) -> RedirectResponse:
    """Go to the Data Docs of a Dag's project."""
    return RedirectResponse(f"{_root(request)}/data-docs/{quote(str(_project_of_ours(dag_id)))}/index.html")


@app.get("/data-docs/{project}/{path:path}")
def data_docs(request: Request, project: KnownProject, path: str) -> Response:
    """Show a page of a project's Data Docs."""
    if not PATH_PATTERN.fullmatch(path):
        raise HTTPException(404, "no such page")
    try:
        content = project.store.get(keys.data_docs(project.name, path))
    except ObjectMissingError:
        if path != "index.html":
            raise HTTPException(404, f"{project} has no such page of Data Docs") from None
        text = f"No day of {project} was checked yet: the stage validate of its first run writes a page for each day."
        return _html(message_page("No Data Docs yet", text, above=trail(_root(request), str(project))))
    content = with_trail(content, _root(request), str(project), DOCS_WIDTH)
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=HEADERS)


def _project_of_ours(dag_id: str) -> ShownProject:
    project = project_of(dag_id)
    if not project:
        raise HTTPException(404, f"{dag_id} is not a Dag of Nightshift")
    return ShownProject.of(settings_of(dag_id), project)


def _decisions(request: Request, project: ShownProject) -> HTMLResponse:
    ledger = project.ledger
    has_history = project.store.exists(keys.history_page(project.name))
    lines = ledger.told(MAX_LINES_SHOWN)
    return _html(decisions_page(_root(request), str(project), ledger.in_force(), lines, has_history=has_history))


def _act_of_run(request: Request, user: Any, dag_id: str, run_id: str) -> Response:
    """Show what a run has done that decides nothing: its entry in the ledger, or why there is none."""
    root, state, form = _root(request), state_of_run(dag_id, run_id), form_of_run(dag_id, run_id)
    every = f'<nav><a href="{root}/">All models</a></nav>'
    if split_name(dag_id)[1] == RETENTION_DAG:
        text = (
            "Retention changes nothing that is in force, and the ledger has no entry of it. What went, or would go, is"
        )
        return _html(message_page("No decision", f"{text} the result of its task retain, one a project.", above=every))
    namespace, name = split_name(dag_id)[0], str(form.get("project") or "")
    settings = settings_of(dag_id)
    if not is_known(settings.projects_dir, name):
        if state is None:
            raise HTTPException(404, f"{dag_id} has no run {run_id}")
        return _html(unfinished_page(every, dag_id, state, failed_tasks(dag_id, run_id), paused=is_paused(dag_id)))
    requires_access_dag("GET", param_dag_id=retrain_dag_id(name, namespace))(request, user)
    project = ShownProject.of(settings, name)
    entry = project.ledger.acted(dag_id, run_id)
    if entry is not None:
        return _html(act_page(root, str(project), entry))
    above, errors = trail(root, str(project)), failed_tasks(dag_id, run_id) if state == "failed" else ()
    return _html(unfinished_page(above, dag_id, str(state), errors, paused=is_paused(dag_id)))


def _undecided(request: Request, dag_id: str, run_id: str) -> HTMLResponse:
    project = _project_of_ours(dag_id)
    above = trail(_root(request), str(project))
    if dag_id == score_dag_id(project.name, project.namespace):
        decides = retrain_dag_id(project.name, project.namespace)
        text = f"This run scores a day with a champion that is there. Decisions are made by {decides}."
        return _html(message_page("No decision", text, above=above))
    state = state_of_run(dag_id, run_id)
    if state is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}")
    if waits_for_a_person(dag_id, run_id):
        text = (
            "The candidate is proved, and the run waits for a person: is it promoted? Answer on the tab Required "
            f"Actions of the run's task {APPROVE_TASK}, or by ./nightshift answer {project.name}."
        )
        return _html(message_page("Waiting for approval", text, above=above))
    errors = failed_tasks(dag_id, run_id) if state == "failed" else ()
    return _html(undecided_page(above, dag_id, state, errors, paused=is_paused(dag_id)))


def _report(request: Request, project: ShownProject, entry: LedgerEntry) -> RedirectResponse:
    """Go to the report's own address, where its links to what lies beside it work."""
    if not project.store.exists(keys.decision_report(entry.project, entry.decision_id)):
        raise HTTPException(404, f"the report of entry {entry.number} is gone: {entry.report_uri}")
    place = f"{quote(str(project))}/decisions/{quote(entry.decision_id)}/{keys.REPORT}"
    return RedirectResponse(f"{_root(request)}/project/{place}")


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


def _html(content: Any) -> HTMLResponse:
    return HTMLResponse(content, headers=HEADERS)

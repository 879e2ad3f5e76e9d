"""Find what a command works on: the object store that is meant, and the stack of `up` or one started for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from include.airflow_client import runs
from include.airflow_client.api import AirflowApi
from include.airflow_client.backfill import end_left
from include.airflow_client.namespace_dags import ensure_pool
from include.cli.night_view import NightView
from include.config.credentials import load_credentials
from include.config.settings import Settings
from include.domain.errors import SettingsError
from include.domain.names import register
from include.io.object_store import ObjectStore
from include.io.processes import Job
from include.io.stores import open_store
from include.stack.stack import Stack
from include.stack.state_directory import StackState, check_alive, exclusive, read_state, running_stack, stack_job

DemoJobs = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class AirflowInUse:
    """Be the Airflow of a command.

    Attributes:
        own: Whether it was started for this command, and ends with it; it starts nothing by the clock.
        check: Raises when a component of the stack has died, so that nobody waits for ever.
    """

    api: AirflowApi
    own: bool
    check: Callable[[], None]


@contextmanager
def airflow_in_use(
    settings: Settings, dag_id: str, jobs: DemoJobs, view: NightView, *, s3: bool
) -> Iterator[AirflowInUse]:
    """Yield an Airflow that has read the Dag, when the demo data is there: the running one, or an own one.

    A namespace of the settings is made known to it, with its Dags and its pool.

    Args:
        settings: Where things are.
        dag_id: The Dag that is needed, or an empty string.
        jobs: Programs that deliver data: name, module, arguments.
        view: Is told what is waited for.
        s3: Keep objects in an own S3 server.

    Raises:
        SettingsError: `s3` is asked for, and the running stack is without.
        StackError: The stack or a job fails.
    """
    if settings.namespace:
        register(settings.home, settings.namespace)
    state = running_stack(settings.home)
    if state is not None and state.mode == "up":
        yield _running(settings, state, dag_id, jobs, view, s3=s3)
        return
    with exclusive(settings.home), stopping(Stack(settings, "run", s3=s3, say=view.note), view) as stack:
        view.doing("starting Airflow")
        stack.start(jobs)
        api = stack.wait_until_healthy(lambda: _show_data(stack.jobs, view))
        view.doing("reading the Dags")
        _make_ready(api, settings.namespace, dag_id, stack.state.started_at, stack.check_alive)
        _wait_for_data(stack.jobs, view)
        for run_id in runs.remove_unfinished_runs(api, dag_id) if dag_id else ():
            view.note(f"ended the interrupted run {run_id}")
        yield AirflowInUse(api, own=True, check=stack.check_alive)


@contextmanager
def stopping(stack: Stack, view: NightView) -> Iterator[Stack]:
    """Stop the stack at the end, also after a failure, a Ctrl-C or a SIGTERM; a second signal does not interrupt it."""
    try:
        yield stack
    finally:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
        view.doing("stopping Airflow")
        stack.stop()
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def _running(
    settings: Settings, state: StackState, dag_id: str, jobs: DemoJobs, view: NightView, *, s3: bool
) -> AirflowInUse:
    if s3 and not state.store_environment:
        raise SettingsError(
            "option --s3",
            "the running stack keeps objects elsewhere",
            got=state.store_url,
            hint="./nightshift down first",
        )
    view.doing("using the running stack")
    api = AirflowApi(state.airflow_url, load_credentials(settings.home).admin_password)
    _wait_for_data([stack_job(settings, state, *job) for job in jobs], view)
    # a Dag file changed a moment ago is read within the refresh interval; a run reads the project anew anyway
    _make_ready(api, settings.namespace, dag_id, state.started_at, lambda: check_alive(state))
    for told in end_left(api, settings.home):
        view.note(told)
    return AirflowInUse(api, own=False, check=lambda: check_alive(state))


def _make_ready(
    api: AirflowApi, namespace: str, dag_id: str, since: datetime, while_waiting: Callable[[], None]
) -> None:
    ensure_pool(api, namespace)
    if dag_id:
        runs.wait_until_parsed(api, dag_id, since, while_waiting)


def _show_data(jobs: list[Job], view: NightView) -> None:
    for job in jobs:
        if not job.finished() and job.last_line():
            view.doing(f"starting Airflow; demo data: {job.last_line()} days", small=True)


def _wait_for_data(jobs: list[Job], view: NightView) -> None:
    for job in jobs:
        if not job.finished():
            view.doing("waiting for the demo data")
            job.wait(lambda job=job: view.doing(f"demo data: {job.last_line()} days", small=True))  # type: ignore[misc]


@contextmanager
def opened_store(settings: Settings, *, s3: bool) -> Iterator[ObjectStore]:
    """Yield the store alone; see `opened_place`."""
    with opened_place(settings, s3=s3) as (store, _):
        yield store


@contextmanager
def opened_place(settings: Settings, *, s3: bool) -> Iterator[tuple[ObjectStore, str]]:
    """Yield the store and MLflow's address that belongs to it.

    With `s3` they are those of the S3 server, which is started for the moment unless a stack runs it. A running
    stack's are meant by default, because that is where its decisions are. In a namespace they are its part of both.
    """
    state = read_state(settings.home)
    if state is not None and state.alive() and (state.store_environment or not s3):
        os.environ.update(state.secret_environment())
        there = settings.at(state.store_url, state.tracking_url)
        yield open_store(there.store_url), there.tracking_url
        return
    if not s3:
        yield open_store(settings.store_url), settings.tracking_url
        return
    from include.stack.object_server import ObjectServer
    from include.stack.state_directory import exclusive, with_object_server

    with exclusive(settings.home), ObjectServer(settings.home / "s3") as server:
        os.environ.update(server.environment())
        there = with_object_server(settings)
        yield open_store(there.store_url), there.tracking_url

"""Record trainings in MLflow: one run and one model version for each candidate id, however often a task is retried."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil
from pydantic import ValidationError

from include.domain import clock
from include.domain.errors import TrackingError
from include.domain.names import named_in, split_tracking
from include.domain.results import Receipt
from include.io.model_files import ModelToLog, write_model
from include.io.tracking_database import artifact_location, busy_safe, prepare_tracking, quiet_mlflow, tracking_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

# the kernel's start time of a process moves when the machine's clock is set
CLOCK_TOLERANCE_SECONDS = 2.0


class RunOwner(Receipt):
    """Name the process that trains in a run.

    Attributes:
        host: The machine's name.
        started: When the process began, in seconds since 1970, as the kernel tells it: numbers of processes come back.
        since: When it took the run.
    """

    host: str
    pid: int
    started: float
    since: datetime


def this_process() -> RunOwner:
    """Return the process that asks, as the owner of a run from now on."""
    pid = os.getpid()
    return RunOwner(host=socket.gethostname(), pid=pid, started=psutil.Process(pid).create_time(), since=clock.now())


def parse_owner(tag: str | None) -> RunOwner | None:
    """Return the owner that a run's tag names, or None when it names none."""
    try:
        return RunOwner.model_validate_json(tag or "")
    except ValidationError:
        return None


def is_gone(owner: RunOwner, longest: timedelta) -> bool:
    """Tell whether the process has ended; `longest` is how long a training may take."""
    if owner.host != socket.gethostname():
        return clock.now() - owner.since > longest
    try:
        process = psutil.Process(owner.pid)
        same = abs(process.create_time() - owner.started) < CLOCK_TOLERANCE_SECONDS
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


__all__ = ["Measurement", "ModelToLog", "Registered", "TrackedRun", "Tracking", "prepare_tracking"]
CANDIDATE_TAG = "candidate_id"
OWNER_TAG = "owner"
FAILURE_TAG = "failure"
# which version of the ledger a model version stands for, where it was registered again
VERSION_TAG = "ledger_version"
MODEL_FOLDER = "model"
PAGE = 1000
MAX_REASON_CHARACTERS = 1000
# what MLflow takes for a description
MAX_CARD_CHARACTERS = 5000


@dataclass(frozen=True)
class TrackedRun:
    """Name a run; `finished` when an earlier try has recorded everything."""

    run_id: str
    finished: bool


@dataclass(frozen=True)
class Measurement:
    """Hold one value of one metric; `position` is MLflow's step, for example the fold."""

    name: str
    value: float
    position: int = 0


@dataclass(frozen=True)
class Registered:
    """Describe a model version.

    Attributes:
        number: MLflow's own.
        version: The ledger's: the same, but for a model that had to be registered again under another number.
        candidate_id: Whose it is; empty for one that is none of ours.
    """

    number: str
    version: str
    candidate_id: str


class Tracking:
    """Be one project's experiment and registered model, both called like the project, or `namespace.project`.

    Args:
        tracking_url: `sqlite:///file`, another database, or `http://host:port`; a namespace is its fragment.
        project: The project's name.
        artifact_root: Address under which the runs' files are kept; a server keeps them itself.

    Raises:
        TrackingError: MLflow does not answer.
    """

    def __init__(self, tracking_url: str, project: str, artifact_root: str) -> None:
        quiet_mlflow()
        prepare_tracking(tracking_url)
        self._url, namespace = split_tracking(tracking_url)
        self._name = named_in(namespace, project)
        with self._errors("connect"):
            from mlflow import MlflowClient

            address = busy_safe(tracking_url)
            self._client: MlflowClient = MlflowClient(address, address)
            self._experiment = self._experiment_id(artifact_location(tracking_url, project, artifact_root))

    def start(self, candidate_id: str, run_name: str, tags: Mapping[str, str]) -> TrackedRun:
        """Return the candidate's run: the finished one, the one that is open, or a new one.

        An open run is one that a killed process left, or that of a process which trains the same candidate right now:
        both then write the same things into it, and each may close it. This process is its owner from now on. Two that
        begin at the very same moment get a run each, which hold the same; the model version is one (`register`).
        """
        with self._errors("start a run"):
            found = self._run_of(candidate_id)
            owner = this_process().model_dump_json()
            if found is None:
                everything = {**tags, CANDIDATE_TAG: candidate_id, OWNER_TAG: owner, "mlflow.runName": run_name}
                run = self._client.create_run(self._experiment, tags=everything, run_name=run_name)
                return TrackedRun(run.info.run_id, finished=False)
            finished = found.info.status == "FINISHED"
            if not finished:
                self._client.set_tag(found.info.run_id, OWNER_TAG, owner)
            return TrackedRun(found.info.run_id, finished=finished)

    def close_abandoned(self, by: str, longest: timedelta) -> list[str]:
        """Close the open runs whose process is gone as failed, with the reason as a tag, and return their ids.

        Args:
            by: The run that closes them.
            longest: How long a training may take: a process of another machine is taken for gone after it.
        """
        closed = []
        with self._errors("close abandoned runs"):
            for run in self._client.search_runs([self._experiment], "attributes.status = 'RUNNING'"):
                if not _abandoned(run, longest):
                    continue
                # another process may have taken it up, or closed it, since it was listed
                if not _abandoned(self._client.get_run(run.info.run_id), longest):
                    continue
                self.fail(run.info.run_id, f"the process that trained it is gone; closed by {by}")
                closed.append(run.info.run_id)
        return closed

    def finish(
        self,
        run_id: str,
        *,
        params: Mapping[str, object],
        measurements: Sequence[Measurement],
        files: Mapping[str, bytes],
        model: ModelToLog,
    ) -> None:
        """Record what a training gave, and close the run; doing it again changes nothing.

        A run that was closed as failed meanwhile, by a process that trained the same, is finished all the same.
        """
        from mlflow.entities import Param

        with self._errors(f"finish run {run_id}"), tempfile.TemporaryDirectory() as folder:
            recorded = [Param(name, str(value)) for name, value in sorted(params.items())]
            self._client.log_batch(run_id, params=recorded)
            self._log_measurements(run_id, measurements)
            for name, data in files.items():
                Path(folder, name).write_bytes(data)
            write_model(Path(folder, MODEL_FOLDER), model)
            self._client.log_artifacts(run_id, folder)
            self._client.set_terminated(run_id, "FINISHED")
            if FAILURE_TAG in self._client.get_run(run_id).data.tags:
                self._client.delete_tag(run_id, FAILURE_TAG)

    def fail(self, run_id: str, reason: str) -> None:
        """Close a run as failed, with the reason as a tag; one that another process has finished stays finished."""
        with self._errors(f"fail run {run_id}"):
            if self._client.get_run(run_id).info.status == "FINISHED":
                return
            self._client.set_tag(run_id, FAILURE_TAG, reason[:MAX_REASON_CHARACTERS])
            self._client.set_terminated(run_id, "FAILED")

    def add_measurements(self, run_id: str, measurements: Sequence[Measurement]) -> None:
        """Add metrics to a run; the same values again change nothing."""
        with self._errors(f"measure run {run_id}"):
            self._log_measurements(run_id, measurements)

    def document(self, run_id: str, candidate_id: str, links: Mapping[str, str], card: str) -> None:
        """Tag a run and its candidate's model version with its documents; the model card describes the version."""
        from mlflow.entities import RunTag

        with self._errors(f"document run {run_id}"):
            self._client.log_batch(run_id, tags=[RunTag(name, address) for name, address in links.items()])
            for found in self._versions_of(candidate_id)[:1]:
                for name, address in links.items():
                    self._client.set_model_version_tag(self._name, found.number, name, address)
                self._client.update_model_version(self._name, found.number, card[:MAX_CARD_CHARACTERS])

    def register(self, candidate_id: str, run_id: str, description: str = "", version: str = "") -> str:
        """Return the number of the candidate's model version, made on the first call.

        Args:
            candidate_id: Whose it is.
            run_id: Its run, which holds the model's files.
            description: For people.
            version: The ledger's version of a candidate that is registered again.
        """
        with self._errors(f"register {candidate_id}"):
            if not self._versions_of(candidate_id):
                more = {VERSION_TAG: version} if version else {}
                self._create_version(run_id, {CANDIDATE_TAG: candidate_id, **more}, description)
            # processes that came at the same moment all take the oldest version; nobody was told of the others
            registered, *surplus = self._versions_of(candidate_id)
            for one in surplus:
                self._delete_version(one.number)
            return registered.number

    def registered(self, candidate_id: str) -> Registered | None:
        """Return the candidate's model version, or None when MLflow has none."""
        with self._errors(f"look for {candidate_id}"):
            return next(iter(self._versions_of(candidate_id)), None)

    def registered_candidates(self) -> set[str]:
        """Return the ids of all candidates that have a model version."""
        found: set[str] = set()
        token: str | None = None
        with self._errors("list model versions"):
            while True:
                page = self._client.search_model_versions(f"name = '{self._name}'", max_results=PAGE, page_token=token)
                found.update(one.tags.get(CANDIDATE_TAG, "") for one in page)
                token = page.token
                if not token:
                    return found

    def highest_number(self) -> int:
        """Return the highest number of the model versions there are, 0 when there are none."""
        with self._errors("look at the model versions"):
            found = self._client.search_model_versions(
                f"name = '{self._name}'", max_results=1, order_by=["version_number DESC"]
            )
            return int(found[0].version) if found else 0

    def skip_number(self, run_id: str) -> int:
        """Have MLflow give out its next number without using it, and return the number.

        MLflow lets nobody choose a number: a version is made, of a run that is there, and deleted.
        """
        with self._errors("skip a number of a model version"):
            made = self._create_version(run_id, {}, "deleted at once: the ledger has a model of this number")
            self._delete_version(made)
            return int(made)

    def name_version(self, number: str, version: str) -> None:
        """Note which version of the ledger a model version stands for."""
        with self._errors(f"tag version {number}"):
            self._client.set_model_version_tag(self._name, number, VERSION_TAG, version)

    def remove_version(self, number: str) -> None:
        """Delete a model version; deleting what is not there is no error."""
        with self._errors(f"delete version {number}"):
            self._delete_version(number)

    def set_alias(self, alias: Literal["challenger", "champion"], version: str) -> None:
        """Point an alias at a version, by MLflow's number, and read it back.

        Raises:
            TrackingError: The alias does not point there afterwards.
        """
        with self._errors(f"set alias {alias}"):
            self._client.set_registered_model_alias(self._name, alias, version)
        found = self.version_of_alias(alias)
        if found != version:
            raise TrackingError(
                f"MLflow model {self._name}",
                f"alias {alias} was set and points elsewhere",
                got=f"version {found}",
                allowed=(f"version {version}",),
                hint="two runs may be promoting at once; a retry repairs it from the ledger",
            )

    def version_of_alias(self, alias: str) -> str | None:
        """Return the number of the version an alias points at, or None."""
        with self._errors(f"read alias {alias}"):
            found = self._client.search_registered_models(f"name = '{self._name}'")
            target = dict(found[0].aliases).get(alias) if found else None
            return None if target is None else str(target)

    def alias_target(self, alias: str) -> Registered | None:
        """Return the model version an alias points at, or None."""
        from mlflow.exceptions import MlflowException

        number = self.version_of_alias(alias)
        if number is None:
            return None
        with self._errors(f"read alias {alias}"):
            try:
                return _described(self._client.get_model_version(self._name, number))
            except MlflowException as error:
                # deleted since the alias was read
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def _run_of(self, candidate_id: str) -> Run | None:
        """Return the candidate's finished run or, when there is none, its open one; of several the oldest."""
        for status in ("FINISHED", "RUNNING"):
            found = self._client.search_runs(
                [self._experiment],
                f"tags.{CANDIDATE_TAG} = '{candidate_id}' and attributes.status = '{status}'",
                max_results=1,
                order_by=["attributes.start_time ASC"],
            )
            if found:
                return found[0]
        return None

    def _versions_of(self, candidate_id: str) -> list[Registered]:
        """Return the candidate's model versions, oldest first."""
        query = f"name = '{self._name}' and tags.{CANDIDATE_TAG} = '{candidate_id}'"
        found = sorted(self._client.search_model_versions(query), key=lambda one: int(one.version))
        return [_described(one) for one in found]

    def _create_version(self, run_id: str, tags: Mapping[str, str], description: str) -> str:
        self._ensure_registered_model()
        run = self._client.get_run(run_id)
        made = self._client.create_model_version(
            self._name,
            source=f"{run.info.artifact_uri}/{MODEL_FOLDER}",
            run_id=run_id,
            tags=dict(tags),
            description=description,
            await_creation_for=0,
        )
        return str(made.version)

    def _delete_version(self, number: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.delete_model_version(self._name, number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def _experiment_id(self, artifact_root: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(self._name)
        if found is None:
            try:
                return str(self._client.create_experiment(self._name, artifact_location=artifact_root))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._client.get_experiment_by_name(self._name)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _ensure_registered_model(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _log_measurements(self, run_id: str, measurements: Sequence[Measurement]) -> None:
        from mlflow.entities import Metric

        # MLflow drops an equal metric of an equal time: the run's own start makes a retry change nothing
        moment = self._client.get_run(run_id).info.start_time
        self._client.log_batch(run_id, metrics=[Metric(m.name, m.value, moment, m.position) for m in measurements])

    def _errors(self, doing: str) -> AbstractContextManager[None]:
        return tracking_errors(self._url, doing)


def _described(found: ModelVersion) -> Registered:
    number = str(found.version)
    return Registered(number, found.tags.get(VERSION_TAG, number), found.tags.get(CANDIDATE_TAG, ""))


def _abandoned(run: Run, longest: timedelta) -> bool:
    if run.info.status != "RUNNING":
        return False
    owner = parse_owner(run.data.tags.get(OWNER_TAG))
    if owner is not None:
        return is_gone(owner, longest)
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return clock.now() - started > longest

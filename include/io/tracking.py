"""Record trainings in MLflow: one run and one model version for each candidate id, however often a task is retried.

MLflow is a view for people: nothing is decided from it. Only `MlflowClient` is used, so no global state (active run,
tracking URI) is touched. MLflow is imported late, because this module is imported where it is not needed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from include.config.errors import TrackingError
from include.io.model_files import TRUSTED
from include.io.tracking_database import busy_safe, prepare_tracking, quiet_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sklearn.pipeline import Pipeline

__all__ = ["Measurement", "ModelToLog", "TrackedRun", "Tracking", "prepare_tracking"]

CANDIDATE_TAG = "candidate_id"
MODEL_FOLDER = "model"
MODEL_FILE = "model.skops"
REQUIREMENTS = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost")
MAX_REASON_CHARACTERS = 1000


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
class ModelToLog:
    """Hold a model with its bytes as they are stored, and its input columns by kind."""

    pipeline: Pipeline
    data: bytes
    inputs: Sequence[tuple[str, Literal["numeric", "categorical"]]]


class Tracking:
    """Be one project's experiment and registered model, both called like the project.

    Args:
        tracking_url: `sqlite:///file`, another database, or `http://host:port`.
        project: The project's name.
        artifact_root: Address under which the runs' files are kept.

    Raises:
        TrackingError: MLflow does not answer.
    """

    def __init__(self, tracking_url: str, project: str, artifact_root: str) -> None:
        quiet_mlflow()
        prepare_tracking(tracking_url)
        self._url = tracking_url
        self._project = project
        with self._errors("connect"):
            from mlflow import MlflowClient

            address = busy_safe(tracking_url)
            self._client: MlflowClient = MlflowClient(address, address)
            self._experiment = self._experiment_id(artifact_root)

    def start(self, candidate_id: str, run_name: str, tags: Mapping[str, str]) -> TrackedRun:
        """Return the candidate's run: the finished one, the one a killed process left open, or a new one."""
        with self._errors("start a run"):
            for status in ("FINISHED", "RUNNING"):
                found = self._client.search_runs(
                    [self._experiment],
                    f"tags.{CANDIDATE_TAG} = '{candidate_id}' and attributes.status = '{status}'",
                    max_results=1,
                    order_by=["attributes.start_time ASC"],
                )
                if found:
                    return TrackedRun(found[0].info.run_id, finished=status == "FINISHED")
            everything = {**tags, CANDIDATE_TAG: candidate_id, "mlflow.runName": run_name}
            run = self._client.create_run(self._experiment, tags=everything, run_name=run_name)
            return TrackedRun(run.info.run_id, finished=False)

    def finish(
        self,
        run_id: str,
        *,
        params: Mapping[str, object],
        measurements: Sequence[Measurement],
        files: Mapping[str, bytes],
        model: ModelToLog,
    ) -> None:
        """Record what a training gave, and close the run; doing it again changes nothing."""
        from mlflow.entities import Param

        with self._errors(f"finish run {run_id}"), tempfile.TemporaryDirectory() as folder:
            recorded = [Param(name, str(value)) for name, value in sorted(params.items())]
            self._client.log_batch(run_id, params=recorded)
            self._log_measurements(run_id, measurements)
            for name, data in files.items():
                Path(folder, name).write_bytes(data)
            _write_model(Path(folder, MODEL_FOLDER), model)
            self._client.log_artifacts(run_id, folder)
            self._client.set_terminated(run_id, "FINISHED")

    def fail(self, run_id: str, reason: str) -> None:
        """Close a run as failed, with the reason as a tag."""
        with self._errors(f"fail run {run_id}"):
            self._client.set_tag(run_id, "failure", reason[:MAX_REASON_CHARACTERS])
            self._client.set_terminated(run_id, "FAILED")

    def add_measurements(self, run_id: str, measurements: Sequence[Measurement]) -> None:
        """Add metrics to a run; the same values again change nothing."""
        with self._errors(f"measure run {run_id}"):
            self._log_measurements(run_id, measurements)

    def register(self, candidate_id: str, run_id: str, description: str = "") -> str:
        """Return the candidate's model version, made on the first call."""
        with self._errors(f"register {candidate_id}"):
            known = self._version_of(candidate_id)
            if known is not None:
                return known
            self._ensure_registered_model()
            run = self._client.get_run(run_id)
            self._client.create_model_version(
                self._project,
                source=f"{run.info.artifact_uri}/{MODEL_FOLDER}",
                run_id=run_id,
                tags={CANDIDATE_TAG: candidate_id},
                description=description,
                await_creation_for=0,
            )
            # of two processes that came at the same moment both take the older version
            registered = self._version_of(candidate_id)
            assert registered is not None
            return registered

    def set_alias(self, alias: Literal["challenger", "champion"], version: str) -> None:
        """Point an alias at a version and read it back.

        Raises:
            TrackingError: The alias does not point there afterwards.
        """
        with self._errors(f"set alias {alias}"):
            self._client.set_registered_model_alias(self._project, alias, version)
        found = self.version_of_alias(alias)
        if found != version:
            raise TrackingError(
                f"MLflow model {self._project}",
                f"alias {alias} was set and points elsewhere",
                got=f"version {found}",
                allowed=(f"version {version}",),
                hint="two runs may be promoting at once; a retry repairs it from the ledger",
            )

    def version_of_alias(self, alias: str) -> str | None:
        """Return the version an alias points at, or None."""
        with self._errors(f"read alias {alias}"):
            found = self._client.search_registered_models(f"name = '{self._project}'")
            target = dict(found[0].aliases).get(alias) if found else None
            return None if target is None else str(target)

    def _version_of(self, candidate_id: str) -> str | None:
        query = f"name = '{self._project}' and tags.{CANDIDATE_TAG} = '{candidate_id}'"
        numbers = [int(found.version) for found in self._client.search_model_versions(query)]
        return str(min(numbers)) if numbers else None

    def _experiment_id(self, artifact_root: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(self._project)
        if found is None:
            try:
                return str(self._client.create_experiment(self._project, artifact_location=artifact_root))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._client.get_experiment_by_name(self._project)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _ensure_registered_model(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._project)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _log_measurements(self, run_id: str, measurements: Sequence[Measurement]) -> None:
        from mlflow.entities import Metric

        # MLflow drops an equal metric of an equal time: the run's own start makes a retry change nothing
        moment = self._client.get_run(run_id).info.start_time
        self._client.log_batch(run_id, metrics=[Metric(m.name, m.value, moment, m.position) for m in measurements])

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except Exception as error:
            known = isinstance(error, (MlflowException, RequestException, SQLAlchemyError, OSError))
            # told by their module: boto3 is imported only where artifacts are kept on S3
            if not known and not type(error).__module__.startswith(("boto3.", "botocore.")):
                raise
            raise TrackingError(
                f"MLflow at {_without_password(self._url)}",
                f"could not {doing}",
                got=" ".join(str(error).split())[:300],
                hint="is the tracking server or database reachable?",
            ) from error


def _write_model(folder: Path, model: ModelToLog) -> None:
    """Write an MLflow model folder whose model file is, byte for byte, the one in the object store."""
    import mlflow.sklearn
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    kinds: dict[str, Any] = {"numeric": "double", "categorical": "string"}
    inputs = Schema([ColSpec(kinds[kind], name, required=False) for name, kind in model.inputs])
    mlflow.sklearn.save_model(
        model.pipeline,
        str(folder),
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED),
        signature=ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double")])),
        pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
        pyfunc_predict_fn="predict_proba",
    )
    (folder / MODEL_FILE).write_bytes(model.data)


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url

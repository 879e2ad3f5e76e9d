"""Say what a training's container is asked and given, and what it answers: small receipts, kept in the object store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from include.config.project import Project
from include.domain.errors import BUGS, NightshiftError, Problem, SettingsError
from include.domain.results import Origin, PlanResult, Receipt, TrainResult

# the container's environment: which of several tries its answer is for
ATTEMPT_VARIABLE = "NIGHTSHIFT_TRAINING_ATTEMPT"
# its exit statuses: a result, a failure that is told in the answer, no answer at all
TRAINED, FAILED, UNANSWERED = 0, 1, 3


class TrainingRequest(Receipt):
    """Ask for one training.

    Attributes:
        image: As declared, for messages.
        code: `model_code` of the worker that asks.
        declared: `trained_from` of that worker's declaration.
    """

    project: str
    candidate: str
    as_of: date
    plan: PlanResult
    origin: Origin
    force: bool
    image: str
    code: str
    declared: dict[str, Any]

    def identity(self, store_url: str) -> str:
        """Return the request's name: the same for each try of a task, another in another store."""
        content = f"{store_url}\n{self.model_dump_json()}"
        return f"{self.candidate}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


class TrainingFailure(Receipt):
    """Say how a training failed: what an error is made from again, so that it reads the same on the worker.

    Attributes:
        kind: The error's class.
        retryable: Whether a retry may heal it.
        where, what, got, allowed, hint: Of an error of ours.
        message: Of any other, which has no parts.
    """

    kind: str
    retryable: bool
    where: str = ""
    what: str = ""
    got: str = ""
    allowed: tuple[str, ...] = ()
    hint: str = ""
    message: str = ""


class TrainingAnswer(Receipt):
    """Answer one try of a request: by a result or by a failure."""

    attempt: str
    result: TrainResult | None = None
    failure: TrainingFailure | None = None


def failure_of(error: Exception) -> TrainingFailure:
    """Return what an error says; a bug would only fail again, what is left may heal."""
    kind = type(error).__name__
    if not isinstance(error, NightshiftError):
        return TrainingFailure(kind=kind, retryable=not isinstance(error, BUGS), message=str(error))
    problem: Problem = error.problem
    return TrainingFailure(
        kind=kind,
        retryable=error.retryable,
        where=problem.where,
        what=problem.what,
        got=problem.got,
        allowed=problem.allowed,
        hint=problem.hint,
    )


NETWORK_VARIABLE = "NIGHTSHIFT_TRAINING_NETWORK"
HOST_NETWORK = "host"
# how boto3 and MLflow find and are let into what the worker uses; files and profiles stay with the worker
PASSED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MLFLOW_S3_ENDPOINT_URL",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_USERNAME",
    "NIGHTSHIFT_NOW",
    "NIGHTSHIFT_THREADS",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
)
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "MLFLOW_S3_ENDPOINT_URL")
_HINT = "image: needs an s3:// store (NIGHTSHIFT_STORE_URL) and an http(s):// MLflow server (NIGHTSHIFT_TRACKING_URL)"


def container_environment(
    store_url: str, tracking_url: str, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a training's container, secrets included.

    Args:
        store_url: As the stages are given it.
        tracking_url: As the stages are given it.
        environ: The worker's (default: the process's environment).
    """
    env = os.environ if environ is None else environ
    return {
        **{name: env[name] for name in PASSED if env.get(name)},
        "NIGHTSHIFT_STORE_URL": store_url,
        "NIGHTSHIFT_TRACKING_URL": tracking_url,
        # the only folder that can be written to
        "HOME": "/tmp",  # noqa: S108 - in the container, where nobody else is
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def refuse_unreachable(
    project: str, store_url: str, tracking_url: str, network: str, environ: Mapping[str, str] | None = None
) -> None:
    """Refuse a store or an MLflow that only this machine can reach.

    Args:
        project: Whose training it is, for the error.
        store_url: As the stages are given it.
        tracking_url: As the stages are given it.
        network: The container's network (`NIGHTSHIFT_TRAINING_NETWORK`), or empty.
        environ: The worker's (default: the process's environment).

    Raises:
        SettingsError: A container could not reach it.
    """
    env = os.environ if environ is None else environ
    where = f"{project}/project.yaml: training.image"
    store, tracking = urlsplit(store_url), urlsplit(tracking_url)
    if store.scheme != "s3":
        what = "a container cannot reach a store that is a folder of this machine"
        raise SettingsError(where, what, got=f"{store.scheme}://", allowed=("s3://bucket/prefix",), hint=_HINT)
    if tracking.scheme not in ("http", "https"):
        what = "a container cannot reach an MLflow without a server"
        got = f"{tracking.scheme}://"
        raise SettingsError(where, what, got=got, allowed=("http://host:port", "https://host"), hint=_HINT)
    if network == HOST_NETWORK:
        return
    addresses = {"NIGHTSHIFT_TRACKING_URL": tracking_url, **{name: env.get(name, "") for name in _ENDPOINTS}}
    for name, address in addresses.items():
        host = urlsplit(address).hostname or ""
        if host in ("localhost", "::1") or host.startswith("127."):
            raise SettingsError(
                where,
                f"{name} is an address of this machine alone: in a container it is the container itself",
                got=host,
                hint=f"give it an address that containers reach, or set {NETWORK_VARIABLE}={HOST_NETWORK} on a machine "
                "of your own",
            )


# every declared part that can make a difference to a model, beside the candidate itself
TRAINED_FROM = (
    "cross_validation",
    "features",
    "keys",
    "metrics",
    "problem",
    "protected",
    "seed",
    "target",
    "threshold",
    "value",
)


def trained_from(project: Project, candidate: str) -> dict[str, Any]:
    """Return what is declared of the making of a candidate, as plain JSON values; None for one that is not declared."""
    declared = next((each for each in project.candidates if each.name == candidate), None)
    return {
        **project.relevant(*TRAINED_FROM),
        "candidate": None if declared is None else declared.model_dump(mode="json"),
    }

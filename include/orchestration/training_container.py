"""Train in a container of its own: the task `train` of a project that declares `training.image`, and its engine."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator, fetch_logs
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from include.config.identity import model_code
from include.config.project import Project
from include.config.training_container import (
    ATTEMPT_VARIABLE,
    NETWORK_VARIABLE,
    UNANSWERED,
    TrainingAnswer,
    TrainingFailure,
    TrainingRequest,
    container_environment,
    refuse_unreachable,
    trained_from,
)
from include.domain import errors
from include.domain.errors import (
    NightshiftError,
    TrainingContainerError,
    TrainingError,
    TrainingImageError,
    TrainingMemoryError,
)
from include.domain.names import TRAIN_TIMEOUT, training_pool
from include.domain.results import TrainInputs, TrainResult
from include.orchestration.stage_call import call_stage

if TYPE_CHECKING:
    from docker.api.client import APIClient

    from include.io.training_requests import Handover


_log = logging.getLogger(__name__)
MODULE = "include.stages.train.container_entrypoint"
REQUEST_LABEL = "nightshift.request"
# of the image `nobody`: a container's root is the engine's root, should it ever get out
USER = "65534:65534"
MAX_PROCESSES = 1024
KILLED = 128 + 9
# an engine tells that the kernel ended a container for its memory a moment after it tells the end
OOM_LOOKS, OOM_PAUSE_SECONDS = 5, 0.4


@dataclass(frozen=True)
class ContainerSpec:
    """Say how a training's container is made.

    Attributes:
        image: The image's id, which names one image for ever.
        name: Of the container; its last part, after a dash, names its host.
        command: The arguments of `include.stages.train.container_entrypoint`.
        network: The engine's default when empty.
    """

    image: str
    name: str
    command: list[str]
    environment: dict[str, str]
    labels: dict[str, str]
    cpus: float
    memory_mb: int
    network: str = ""


@dataclass(frozen=True)
class Ended:
    """Say how a container ended."""

    status: int
    out_of_memory: bool


@contextmanager
def engine_errors(where: str, doing: str) -> Iterator[None]:
    """Say of every failure of the engine where it was, and let it be tried again.

    Raises:
        TrainingContainerError: The engine does not answer or refuses.
    """
    from airflow.sdk.exceptions import AirflowException

    try:
        yield
    except APIError as error:
        got = " ".join(str(error.explanation or error).split())[:300]
        what = f"the Docker engine could not {doing}"
        raise TrainingContainerError(where, what, got=got, hint="see docs/training-in-a-container.md") from error
    except (DockerException, RequestException, AirflowException) as error:
        raise TrainingContainerError(
            where,
            f"no Docker engine answers, which is asked to {doing}",
            got=" ".join(str(error).split())[:300],
            hint="is it running, may this user use its socket, is DOCKER_HOST right?",
        ) from error


def find_image(client: APIClient, image: str) -> str:
    """Return the id of an image, pulled only when the engine has none of that name.

    Raises:
        TrainingImageError: No registry has it, or lets this engine have it.
        TrainingContainerError: The registry does not answer.
    """
    try:
        return str(client.inspect_image(image)["Id"])
    except ImageNotFound:
        _log.info("pulling %s", image)
    said = ""
    try:
        for line in client.pull(image, stream=True, decode=True):
            said = line.get("error", said)
        return str(client.inspect_image(image)["Id"])
    except APIError as error:
        got = " ".join((said or str(error.explanation or error)).split())[:300]
        gone = ("not found", "denied", "unauthorized", "manifest unknown")
        if any(word in got.lower() for word in gone) or error.status_code in (401, 403):
            raise _no_image(image, got) from error
        raise TrainingContainerError(
            f"image {image}", "is not on this engine and could not be pulled", got=got, hint=_PULL_HINT
        ) from error


_PULL_HINT = "build it on each engine of a worker, or push it to a registry that they reach"


def _no_image(image: str, got: str) -> TrainingImageError:
    return TrainingImageError(
        f"image {image}", "is neither on this engine nor in its registry", got=got, hint=_PULL_HINT
    )


def remove_leftovers(client: APIClient, request_id: str) -> int:
    """Remove the containers that a killed worker left of the same request, and return how many."""
    found = client.containers(all=True, filters={"label": f"{REQUEST_LABEL}={request_id}"})
    for container in found:
        remove(client, container["Id"])
    return len(found)


def remove(client: APIClient, container_id: str) -> None:
    """End and remove a container; one that is gone, or is being removed, is no error."""
    try:
        client.remove_container(container_id, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:
            raise


def create(client: APIClient, spec: ContainerSpec) -> dict[str, Any]:
    """Create the container: no root, no capabilities, nothing to write to but a small /tmp, and its limits."""
    memory = spec.memory_mb * 1024 * 1024
    host_config = client.create_host_config(
        nano_cpus=int(spec.cpus * 1e9),
        mem_limit=memory,
        # equal: nothing of it may go to swap
        memswap_limit=memory,
        pids_limit=MAX_PROCESSES,
        network_mode=spec.network or None,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        read_only=True,
        tmpfs={"/tmp": f"rw,nosuid,nodev,noexec,size={spec.memory_mb // 4}m"},  # noqa: S108 - in the container
        init=True,
    )
    made: dict[str, Any] = client.create_container(
        spec.image,
        command=spec.command,
        entrypoint=["python", "-m", MODULE],
        name=spec.name,
        # one of its own, whatever the network: on the worker's name, its processes would be taken for the worker's
        hostname=f"train-{spec.name.rpartition('-')[2]}",
        environment=spec.environment,
        labels=spec.labels,
        user=USER,
        host_config=host_config,
    )
    return made


def how_it_ended(client: APIClient, container_id: str) -> Ended:
    """Wait for the end of a container, and tell how it was."""
    status = int(client.wait(container_id, timeout=None)["StatusCode"])
    for _ in range(OOM_LOOKS):
        state = client.inspect_container(container_id)["State"]
        if state["OOMKilled"] or status != KILLED:
            break
        time.sleep(OOM_PAUSE_SECONDS)
    return Ended(status, bool(state["OOMKilled"]) and status != 0)


# Airflow's connection of a registry that asks for a log-in
REGISTRY_VARIABLE = "NIGHTSHIFT_TRAINING_REGISTRY"
REMEMBERED_LINES = 5


def train_in_container(project: Project, plan: Any, namespace: str) -> Any:
    """Return the mapped task `train` of a project with an image: one container for each candidate."""
    training = project.training
    mapped = TrainingContainer.partial(
        task_id="train",
        project_name=project.name,
        plan=plan,
        image=training.image,
        cpus=training.cpus,
        memory_mb=training.memory_mb,
        pool=training_pool(namespace),
        execution_timeout=TRAIN_TIMEOUT,
        # no stale day: the batches are skipped, and training goes on with what is there
        trigger_rule="none_failed",
        map_index_template="{{ task.candidate }}",
    )
    return mapped.expand(candidate=[candidate.name for candidate in project.candidates]).output


class TrainingContainer(DockerOperator):
    """Train one candidate in a container, and hand its receipt on.

    Of the provider's operator it keeps the engine's connection and what happens on a kill; the container itself is made
    here, because the provider knows neither hard limits nor a container without rights.

    Args:
        project_name: The project.
        candidate: Which of its candidates.
        plan: What `plan` gave, by XCom.
        image: Declared; it is looked for on the engine first, and pulled only when it is not there.
        memory_mb: Declared, as `cpus` is.
    """

    # what is rendered is shown in the UI and kept in the database: no environment is among it
    template_fields: Sequence[str] = ("candidate", "plan")
    template_ext: Sequence[str] = ()

    def __init__(
        self, *, project_name: str, candidate: str, plan: Any, image: str, memory_mb: int, **kwargs: Any
    ) -> None:
        super().__init__(
            image=image,
            mount_tmp_dir=False,
            auto_remove="force",
            docker_conn_id=os.environ.get(REGISTRY_VARIABLE) or None,
            **kwargs,
        )
        self.project_name = project_name
        self.candidate = candidate
        self.plan = plan
        self.memory_mb = memory_mb

    def execute(self, context: Any) -> Any:
        """Train, and return the receipt as plain JSON."""
        trained = call_stage("train", self.project_name, by=self.train, candidate=self.candidate, plan=self.plan)
        return trained.model_dump(mode="json")

    def train(self, project: Project, inputs: TrainInputs) -> TrainResult:
        """Run the stage `train` in a container, as `include.stages.train.run` does here.

        Raises:
            SettingsError: The container could reach neither store nor MLflow.
            TrainingImageError: The image is nowhere to be had, or cannot train.
            TrainingMemoryError: The training needed more memory than is declared.
            TrainingContainerError: The engine does not answer, or the container was ended; a retry may help.
            NightshiftError: What the stage itself raised in the container.
        """
        network = os.environ.get(NETWORK_VARIABLE, "")
        refuse_unreachable(project.name, inputs.store_url, inputs.tracking_url, network)
        try:
            return self._train(project, inputs, network)
        finally:
            if self.hook.client_created:
                self.cli.close()

    def _train(self, project: Project, inputs: TrainInputs, network: str) -> TrainResult:
        from include.io.stores import open_store
        from include.io.training_requests import Handover

        with engine_errors(f"image {self.image}", "find the image"):
            image_id = find_image(self.cli, self.image)
        request = self._request(project, inputs, image_id)
        handover = Handover(open_store(inputs.store_url), project.name, request.identity(inputs.store_url))
        attempt = secrets.token_hex(8)
        try:
            handover.ask(request)
            ended, lines = self._run(self._spec(inputs, handover, image_id, attempt, network))
            answer = handover.answer_to(attempt)
        finally:
            self._clean_up(handover)
        return self._result(project, answer, ended, lines)

    def _request(self, project: Project, inputs: TrainInputs, image_id: str) -> TrainingRequest:
        # the image is the environment, as the lock is a worker's: another image trains anew
        origin = inputs.origin.model_copy(update={"lock_hash": image_id.removeprefix("sha256:")})
        return TrainingRequest(
            project=project.name,
            candidate=inputs.candidate,
            as_of=inputs.as_of,
            plan=inputs.plan,
            origin=origin,
            force=inputs.force,
            image=self.image,
            code=model_code(),
            declared=trained_from(project, inputs.candidate),
        )

    def _spec(
        self, inputs: TrainInputs, handover: Handover, image_id: str, attempt: str, network: str
    ) -> ContainerSpec:
        environment = container_environment(inputs.store_url, inputs.tracking_url)
        return ContainerSpec(
            image=image_id,
            name=f"nightshift-train-{handover.project}-{handover.request_id}",
            command=[handover.request_key],
            environment={**environment, ATTEMPT_VARIABLE: attempt},
            labels={
                REQUEST_LABEL: handover.request_id,
                "nightshift.project": handover.project,
                "nightshift.candidate": inputs.candidate,
                "nightshift.run": inputs.origin.run_id,
            },
            cpus=self.cpus,
            memory_mb=self.memory_mb,
            network=network,
        )

    def _run(self, spec: ContainerSpec) -> tuple[Ended, list[str]]:
        """Run the container to its end, its log into the task's; return how it ended and its last lines."""
        with engine_errors(f"image {self.image}", "run the training's container"):
            left = remove_leftovers(self.cli, spec.labels[REQUEST_LABEL])
            if left:
                self.log.warning("removed %d containers of the same request, which a killed try left", left)
            self.container = create(self.cli, spec)
            name = self.container["Id"]
            try:
                lines = self.cli.attach(name, stdout=True, stderr=True, stream=True)
                self.cli.start(name)
                told = fetch_logs(lines, self.log)
                return how_it_ended(self.cli, name), [line for line in told if line][-REMEMBERED_LINES:]
            finally:
                remove(self.cli, name)

    def _clean_up(self, handover: Handover) -> None:
        try:
            handover.remove()
        except NightshiftError as error:
            # how the training ended matters more, and retention knows what is left
            self.log.warning("the request could not be removed: %s", error)

    def _result(
        self, project: Project, answer: TrainingAnswer | None, ended: Ended, lines: Sequence[str]
    ) -> TrainResult:
        if answer is not None and answer.result is not None:
            return answer.result
        if answer is not None and answer.failure is not None:
            raise error_of(answer.failure, f"image {self.image}")
        if ended.out_of_memory:
            raise TrainingMemoryError(
                f"{project.name}/project.yaml: training.memory_mb",
                f"candidate {self.candidate} needed more memory than its container may use, and was ended",
                got=f"image {self.image}, exit status {ended.status}",
                allowed=(f"{self.memory_mb} MB",),
                hint="raise training.memory_mb, or train on fewer days (window.days)",
            )
        last = " | ".join(lines)[-600:] or "no output"
        got = f"exit status {ended.status}: {last}"
        if ended.status in (UNANSWERED, KILLED) or ended.status > KILLED - 9:
            raise TrainingContainerError(
                f"image {self.image}",
                "the training's container ended without an answer",
                got=got,
                hint=f"does it reach the store and MLflow? its network is {NETWORK_VARIABLE}",
            )
        raise TrainingImageError(
            f"image {self.image}",
            "it cannot run the stage train",
            got=got,
            hint="it must hold this repository's include/ and the libraries of docker/training/requirements.txt",
        )


def error_of(failure: TrainingFailure, where: str) -> NightshiftError:
    """Return the error that a container told of, so that a task fails by it as it would have failed by itself.

    Args:
        failure: What the container said.
        where: The image, for an error that is none of ours.
    """
    known = getattr(errors, failure.kind, None)
    if isinstance(known, type) and issubclass(known, NightshiftError) and known.__init__ is NightshiftError.__init__:
        return known(failure.where, failure.what, got=failure.got, allowed=failure.allowed, hint=failure.hint)
    kind = TrainingContainerError if failure.retryable else TrainingError
    if failure.where:
        return kind(failure.where, failure.what, got=failure.got, allowed=failure.allowed, hint=failure.hint)
    return kind(where, "the training failed in its container", got=f"{failure.kind}: {failure.message}")

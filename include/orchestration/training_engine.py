"""Ask a Docker engine for what a training needs: its image, a container with limits and no rights, and how it ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from include.config.errors import TrainingContainerError, TrainingImageError

if TYPE_CHECKING:
    from docker.api.client import APIClient

_log = logging.getLogger(__name__)
MODULE = "include.stages.requested_training"
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
        command: The arguments of `include.stages.requested_training`.
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

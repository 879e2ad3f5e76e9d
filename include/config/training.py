"""Declare where a project's models are trained: in a task of a worker, or in a container of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from include.config.closed import Closed
from include.config.findings import Finding, FindingsError

_NAMED_HOST = r"localhost|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
_HOST_WITH_PORT = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?:[0-9]+"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
# Docker's grammar of references (distribution/reference), with a registry that Docker takes for one
IMAGE_PATTERN = (
    rf"^((({_NAMED_HOST})(:[0-9]+)?|{_HOST_WITH_PORT})/)?{_PART}(/{_PART})*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
LIMITS = ("cpus", "memory_mb")
# the libraries alone take 300 MB
MIN_MEMORY_MB = 512


class Training(Closed):
    """Say in which container models are trained, and how much of the machine it may use.

    Attributes:
        image: A Docker image that holds this repository's code: `name:tag`; left out, the worker itself trains.
        cpus: How many of the machine's processors the container may use; 1.5 is one and a half.
        memory_mb: How much memory it may use, in MB; a training that needs more is ended, and says so.
    """

    image: Annotated[str, StringConstraints(pattern=IMAGE_PATTERN, max_length=255)] | None = None
    cpus: float = Field(default=1.0, ge=0.1, le=256)
    memory_mb: int = Field(default=2048, ge=MIN_MEMORY_MB, le=1_048_576)

    @model_validator(mode="after")
    def _limits_have_a_container(self) -> Training:
        declared = {key: getattr(self, key) for key in LIMITS if key in self.model_fields_set}
        # a whole declaration that was written down and is read again names the defaults, too
        written_whole = "image" in self.model_fields_set
        what = "only a container can be limited: a task shares its worker with others"
        findings = [
            Finding((key,), what, hint="name the image to train in, or remove the limit")
            for key, value in declared.items()
            if self.image is None and not (written_whole and value == type(self).model_fields[key].default)
        ]
        if findings:
            raise FindingsError(findings)
        return self

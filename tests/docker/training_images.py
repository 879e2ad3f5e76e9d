"""Build images to train in, on a real Docker engine, and take everything of them away again."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.config.settings import ROOT

PREFIX = "nightshift-training-test"
DOCKERFILE = ROOT / "docker" / "training" / "Dockerfile"
BUILD_SECONDS = 900


def docker(*arguments: str, seconds: float = 120) -> str:
    """Return what the Docker command says.

    Raises:
        AssertionError: It fails.
    """
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-2000:]}"
    return done.stdout.strip()


def need_engine() -> None:
    """Skip where there is no Docker engine, or not the image that every build begins with."""
    if shutil.which("docker") is None:
        pytest.skip("no docker command: these tests train in real containers")
    answer = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode != 0:
        pytest.skip(f"no Docker engine answers: {' '.join(answer.stderr.split())[:200]}")


@dataclass
class TrainingImages:
    """Hold the images of one test session, under names of their own."""

    session: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    names: list[str] = field(default_factory=list)

    def delivered(self) -> str:
        """Build the image that docker/training describes, and return its name."""
        return self._build("delivered", DOCKERFILE, ROOT, "--build-arg", "NIGHTSHIFT_GIT_COMMIT=abc123")

    def variant(self, folder: Path, name: str, *lines: str) -> str:
        """Build an image on the delivered one from lines of a Dockerfile; `folder` is what they may copy from."""
        path = folder / f"{name}.Dockerfile"
        path.write_text("\n".join([f"FROM {PREFIX}-{self.session}:delivered", *lines, ""]))
        return self._build(name, path, folder)

    def identity(self, name: str) -> str:
        """Return an image's id."""
        return docker("image", "inspect", "--format", "{{.Id}}", name)

    def _build(self, tag: str, dockerfile: Path, context: Path, *more: str) -> str:
        name = f"{PREFIX}-{self.session}:{tag}"
        docker("build", "--quiet", "-f", str(dockerfile), "-t", name, *more, str(context), seconds=BUILD_SECONDS)
        self.names.append(name)
        return name

    def remove(self) -> None:
        """Remove them all."""
        if self.names:
            docker("image", "rm", "--force", *self.names)


def containers(project: str) -> list[str]:
    """Return the ids of all containers of a project's trainings, ended ones too."""
    return docker("ps", "--all", "--quiet", "--filter", f"label=nightshift.project={project}").split()

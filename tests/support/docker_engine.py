"""Tell whether a Docker engine answers, and run a container for as long as a test needs it."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

ANSWER_SECONDS = 20


def missing() -> str:
    """Return why no container can be run here; empty when one can."""
    if shutil.which("docker") is None:
        return "no docker command on this machine"
    try:
        asked = docker("version", "--format", "{{.Server.Version}}", check=False, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer"
    return "" if asked.returncode == 0 else "no Docker engine answers"


def has_image(name: str) -> bool:
    """Tell whether an image is on this machine or can be pulled."""
    if docker("image", "inspect", name, check=False).returncode == 0:
        return True
    return docker("pull", "--quiet", name, check=False, timeout=300).returncode == 0


def docker(*arguments: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a docker command and return what it printed."""
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, text=True, timeout=timeout)


@contextmanager
def container(image: str, environment: Mapping[str, str], port: int, command: Sequence[str] = ()) -> Iterator[int]:
    """Run a container until the block ends, and yield the port of loopback at which its `port` is."""
    given = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
    name = f"nightshift-test-{secrets.token_hex(4)}"
    docker("run", "-d", "--rm", "--name", name, "-p", f"127.0.0.1::{port}", *given, image, *command)
    try:
        yield int(docker("port", name, str(port)).stdout.splitlines()[0].rpartition(":")[2])
    finally:
        docker("rm", "-f", "-v", name)

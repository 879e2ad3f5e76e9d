"""Give tests a real S3 server, and one store fixture that runs a test on a local folder and on that server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stack.object_server import ObjectServer


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """Start SeaweedFS once for all tests that ask for it."""
    with ObjectServer(tmp_path_factory.mktemp("object-server")) as server:
        yield server


@pytest.fixture
def aws_environment(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Set boto3's variables to the server, and hide the AWS settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    environment = {
        **object_server.environment(),
        "AWS_CONFIG_FILE": str(tmp_path / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def s3_url(object_server: ObjectServer, aws_environment: dict[str, str]) -> str:
    """Return the address of an empty store on the S3 server: one bucket, a prefix for each test."""
    return f"s3://{object_server.bucket}/{uuid.uuid4().hex}"


@pytest.fixture(params=["file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty store: a test that asks for it runs on both kinds."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    return str(request.getfixturevalue("s3_url"))


@pytest.fixture
def store(store_url: str) -> ObjectStore:
    """Return an empty store: a test that asks for it runs on both kinds."""
    return open_store(store_url)

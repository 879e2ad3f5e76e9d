"""Where models are trained: what an image may be called, what counts for a model, and what a container can reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from include.config.sections import Training
from include.config.training_container import TRAINED_FROM, container_environment, refuse_unreachable, trained_from
from include.domain.errors import SettingsError
from include.io.models import TrainingSpec
from tests.support.model_nights import make_project

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    "image",
    [
        "train",
        "train:1",
        "acme/train:2026.1_a-b",
        "localhost:5000/acme/train",
        "build:5000/train:1",
        "Registry.Example.org/team/x--y__z.w:TAG",
        f"ghcr.io/acme/train:1@{DIGEST}",
    ],
)
def test_dockers_names_are_taken(image: str) -> None:
    assert Training(image=image).image == image


@pytest.mark.parametrize(
    "image",
    ["", " train", "Acme/train", "train:", "train: 1", "-x", "a..b", "a//b", "a@sha256:12", f"a:{'t' * 129}", "a\n"],
)
def test_other_names_are_refused(image: str) -> None:
    with pytest.raises(ValidationError):
        Training(image=image)


def test_without_an_image_the_defaults_are_no_limits() -> None:
    written = Training().model_dump(mode="json")
    assert written == {"image": None, "cpus": 1.0, "memory_mb": 2048}
    assert Training.model_validate(written) == Training()
    with pytest.raises(ValidationError, match="only a container can be limited"):
        Training(cpus=1.0)
    with pytest.raises(ValidationError, match="only a container can be limited"):
        Training.model_validate({**written, "cpus": 2.0})


def test_everything_that_makes_a_model_is_compared(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    compared = {*trained_from(project, "trees")}
    # `metric` is the primary one of `metrics`; the project's name is the request's
    assert set(TrainingSpec.model_fields) - {"project", "metric"} <= compared
    assert compared == {*TRAINED_FROM, "candidate"}
    assert trained_from(project, "gone")["candidate"] is None


def test_gates_and_other_candidates_do_not_matter_to_a_training(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    other = make_project(
        tmp_path,
        gates=[{"kind": "minimum", "metric": "f1", "value": 0.1}],
        candidates=[project.candidate("trees").model_dump(), {"name": "more", "estimator": "xgboost"}],
        training={"image": "train:1", "memory_mb": 4096},
    )
    assert trained_from(project, "trees") == trained_from(other, "trees")
    assert trained_from(project, "trees") != trained_from(make_project(tmp_path, seed=8), "trees")


@pytest.mark.parametrize(
    ("store", "tracking", "network", "environ", "message"),
    [
        (
            "file:///home/store",
            "http://mlflow:5000",
            "",
            {},
            "shop/project.yaml: training.image: a container cannot reach a store that is a folder of this machine; "
            "got: file://; allowed: s3://bucket/prefix; hint: image: needs an s3:// store (NIGHTSHIFT_STORE_URL) and "
            "an http(s):// MLflow server (NIGHTSHIFT_TRACKING_URL)",
        ),
        (
            "s3://bucket",
            "postgresql://user:secret@db/mlflow",
            "",
            {},
            "shop/project.yaml: training.image: a container cannot reach an MLflow without a server; got: "
            "postgresql://; allowed: http://host:port, https://host; hint: image: needs an s3:// store "
            "(NIGHTSHIFT_STORE_URL) and an http(s):// MLflow server (NIGHTSHIFT_TRACKING_URL)",
        ),
        (
            "s3://bucket",
            "http://user:secret@127.0.0.1:5000",
            "night",
            {},
            "shop/project.yaml: training.image: NIGHTSHIFT_TRACKING_URL is an address of this machine alone: in a "
            "container it is the container itself; got: 127.0.0.1; hint: give it an address that containers reach, or "
            "set NIGHTSHIFT_TRAINING_NETWORK=host on a machine of your own",
        ),
        (
            "s3://bucket",
            "http://mlflow:5000",
            "",
            {"AWS_ENDPOINT_URL_S3": "http://localhost:8333"},
            "shop/project.yaml: training.image: AWS_ENDPOINT_URL_S3 is an address of this machine alone: in a "
            "container it is the container itself; got: localhost; hint: give it an address that containers reach, or "
            "set NIGHTSHIFT_TRAINING_NETWORK=host on a machine of your own",
        ),
    ],
)
def test_what_a_container_cannot_reach_is_refused(
    store: str, tracking: str, network: str, environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        refuse_unreachable("shop", store, tracking, network, environ)
    assert str(caught.value) == message


def test_what_a_container_can_reach_is_not_refused() -> None:
    refuse_unreachable("shop", "s3://bucket", "https://mlflow.example.org", "", {})
    refuse_unreachable("shop", "s3://bucket", "http://127.0.0.1:1", "host", {"AWS_ENDPOINT_URL": "http://[::1]:2"})


def test_a_container_is_given_what_it_needs_and_nothing_of_the_workers_own() -> None:
    environ = {
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "",
        "AWS_CONFIG_FILE": "/home/me/.aws/config",
        "MLFLOW_TRACKING_PASSWORD": "p",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://...",
        "AIRFLOW_CONN_WAREHOUSE": "postgresql://...",
        "PATH": "/usr/bin",
    }
    given = container_environment("s3://bucket", "http://mlflow:5000#pr", environ)
    assert given.keys() == {
        "AWS_SECRET_ACCESS_KEY",
        "HOME",
        "MLFLOW_TRACKING_PASSWORD",
        "NIGHTSHIFT_STORE_URL",
        "NIGHTSHIFT_TRACKING_URL",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
    }
    assert (given["NIGHTSHIFT_STORE_URL"], given["NIGHTSHIFT_TRACKING_URL"]) == ("s3://bucket", "http://mlflow:5000#pr")

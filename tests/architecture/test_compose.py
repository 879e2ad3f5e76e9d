"""Hold docker-compose.yaml, the Dockerfile and the environment of the containers to the rules of the house."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from include.config.settings import ROOT
from include.stack.compose.env_file import SECRETS
from include.stack.environment import TUNING

TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
DECLARED: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = DECLARED["services"]
# it changes the owner of an empty volume, and ends; SeaweedFS's image leaves that to whoever starts it
ROOT_SERVICES = {"objectstore-init"}
PUBLISHED = {"api-server", "mlflow"}
# these say the same on every machine; how many cores and forks there are is another matter in a container
SHARED_TUNING = set(TUNING) - {"AIRFLOW__CORE__PARALLELISM"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_few_rights_and_bounds(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    one_shot = name.endswith("-init")
    assert service["restart"] in (("no", "on-failure:3") if one_shot else ("unless-stopped",))
    assert one_shot or {"healthcheck", "mem_limit"} <= set(service)
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_the_service_that_must_runs_as_root(name: str) -> None:
    service = SERVICES[name]
    ours = service["image"].startswith("nightshift:")
    user = service.get("user", "airflow" if ours else "root").partition(":")[0]
    assert (user in ("root", "0")) == (name in ROOT_SERVICES)
    assert service.get("cap_add", []) == (["CHOWN"] if name in ROOT_SERVICES else [])


def test_what_is_published_is_declared_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == PUBLISHED
    assert all(port.startswith("127.0.0.1:${NIGHTSHIFT_") for ports in published.values() for port in ports)


def test_stores_databases_and_the_broker_have_networks_without_a_way_out() -> None:
    networks = DECLARED["networks"]
    assert {name for name, network in networks.items() if not (network or {}).get("internal")} == {"stack"}
    for name in ("postgres", "objectstore", "valkey"):
        assert len(SERVICES[name]["networks"]) == 1
        assert SERVICES[name]["networks"] != ["stack"]


def test_the_s3_server_listens_with_its_s3_port_alone() -> None:
    command = SERVICES["objectstore"]["command"]
    assert "-ip.bind=127.0.0.1" in command
    assert "-s3.ip.bind=0.0.0.0" in command
    assert "-master.telemetry=false" in command


def test_every_secret_comes_from_the_env_file_and_has_no_default() -> None:
    named = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*):\?run \./nightshift secrets first\}", TEXT))
    assert named == set(SECRETS)
    defaults = re.findall(r"\$\{([A-Z][A-Z0-9_]*):-", TEXT)
    assert not set(defaults) & set(SECRETS)


@pytest.mark.parametrize("name", ["worker", "triggerer", "mlflow", "airflow-init"])
def test_a_service_is_given_no_secret_that_it_does_not_need(name: str) -> None:
    given = str(SERVICES[name]["environment"])
    unneeded = {
        "worker": ("SQL_ALCHEMY_CONN", "ADMIN_PASSWORD", "WAREHOUSE_OWNER_PASSWORD", "POSTGRES_PASSWORD"),
        "triggerer": ("S3_SECRET_KEY", "ADMIN_PASSWORD", "BROKER_PASSWORD", "WAREHOUSE", "MLFLOW_PASSWORD"),
        "mlflow": ("AIRFLOW_DATABASE_PASSWORD", "JWT", "FERNET", "WAREHOUSE", "BROKER"),
        "airflow-init": ("BROKER_PASSWORD", "WAREHOUSE", "MLFLOW_PASSWORD", "POSTGRES_PASSWORD"),
    }
    assert [secret for secret in unneeded[name] if secret in given] == []


def test_images_have_versions() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert images == {
        "postgres:17",
        "chrislusf/seaweedfs:4.48",
        "valkey/valkey:8",
        "nightshift:${NIGHTSHIFT_TAG:-local}",
    }


def test_the_containers_turn_as_fast_as_a_laptop() -> None:
    environment = {
        name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()
    }
    assert {name: environment.get(name) for name in SHARED_TUNING} == {name: TUNING[name] for name in SHARED_TUNING}


def test_every_setting_of_airflow_is_one_that_airflow_knows() -> None:
    from airflow.configuration import conf

    described = conf.configuration_description.items()
    known = {f"AIRFLOW__{section}__{option}".upper() for section, about in described for option in about["options"]}
    astro = (ROOT / "Dockerfile.astro").read_text(encoding="utf-8")
    named = {*TUNING, *re.findall(r"AIRFLOW__[A-Z_]+", TEXT), *re.findall(r"AIRFLOW__[A-Z_]+", astro)}
    # what Celery is told belongs to its provider, which only the image has
    told = {name for name in named if name.startswith("AIRFLOW__") and not name.startswith("AIRFLOW__CELERY__")}
    assert told - known == set()


def test_a_task_whose_end_is_missed_holds_its_slot_for_a_second_wherever_airflow_is_configured() -> None:
    name = "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"
    assert TUNING[name] == "1"
    assert f"{name}=1 " in (ROOT / "Dockerfile.astro").read_text(encoding="utf-8")


def test_the_env_file_is_never_committed_nor_sent_to_the_engine() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert "!.env" not in ignored


def test_the_image_ends_as_a_user_without_rights_and_takes_the_lock_with_hashes() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1] == "airflow"
    assert any("--require-hashes" in line for line in lines)
    assert any(line.startswith("HEALTHCHECK") for line in lines)

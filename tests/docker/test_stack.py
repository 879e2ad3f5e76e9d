"""Bring the docker stack up from this checkout's files, run nights on its workers, and try its doors."""

from __future__ import annotations

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from include.airflow_client.api import AirflowApi
from include.domain.errors import AirflowApiError
from include.domain.names import retrain_dag_id
from tests.support import docker_engine
from tests.support.docker_stack import DockerStack, docker_stack

WORKERS = 2
PROJECT = "telco_churn"
CONNECTS = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    print('"open"')
except OSError as error:
    print('"%s"' % type(error).__name__)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerStack]:
    if why := docker_engine.missing():
        pytest.skip(why)
    with docker_stack(tmp_path_factory.mktemp("checkout"), workers=WORKERS) as started:
        yield started


@pytest.fixture(scope="module")
def night(stack: DockerStack) -> str:
    """Run one night of the small project, and return what it printed."""
    done = stack.nightshift("run", PROJECT, "--docker")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_container_is_well_and_bounded(stack: DockerStack) -> None:
    shown = stack.nightshift("ps", "--json")
    assert shown.returncode == 0, shown.stderr
    rows = json.loads(shown.stdout)
    states = {row["name"]: row["health"] if row["state"] == "running" else row["exit_code"] for row in rows}
    assert {state for name, state in states.items() if "-init-" not in name} == {"healthy"}
    assert {state for name, state in states.items() if "-init-" in name} == {0}
    assert len(stack.containers("worker")) == WORKERS
    assert all(row["memory"] for row in rows if row["state"] == "running")


def test_a_night_runs_on_the_workers_and_ends_with_a_champion(stack: DockerStack, night: str) -> None:
    assert "PROMOTE" in night
    api, dag_id = stack.api(), retrain_dag_id(PROJECT)
    (run,) = api.runs(dag_id, "success")
    hosts = {task["hostname"] for task in api.tasks(dag_id, run["dag_run_id"]) if task["hostname"]}
    ids = docker_engine.docker("inspect", "--format", "{{.Config.Hostname}}", *stack.containers("worker"))
    assert hosts <= set(ids.stdout.split())
    status = json.loads(stack.nightshift("status", PROJECT, "--json", "--docker").stdout)
    assert status["projects"][0]["champion"]["version"] == "1"
    assert status["store"] == "s3://nightshift"


def test_mlflow_has_the_model_and_its_files_by_the_server(stack: DockerStack, night: str) -> None:
    found = stack.python(
        """
import json
from mlflow import MlflowClient
client = MlflowClient("http://mlflow:5000")
version = client.get_model_version_by_alias("telco_churn", "champion")
files = [one.path for one in client.list_artifacts(version.run_id, "model")]
print(json.dumps({"version": version.version, "source": version.source, "files": files}))
"""
    )
    assert found["version"] == "1"
    assert found["source"].startswith("mlflow-artifacts:")
    assert "model/MLmodel" in found["files"]


def test_no_process_runs_as_root(stack: DockerStack) -> None:
    for container in (one["Name"] for one in stack.compose.services() if one["State"] == "running"):
        processes = docker_engine.docker("top", container, "-eo", "pid,uid").stdout.splitlines()[1:]
        assert processes
        assert [line for line in processes if line.split()[1] == "0"] == [], container


def test_only_the_two_pages_are_published_and_on_loopback(stack: DockerStack) -> None:
    published = {
        (one["Service"], port["URL"], port["PublishedPort"])
        for one in stack.compose.services()
        for port in one["Publishers"] or []
        if port["PublishedPort"]
    }
    assert published == {
        ("api-server", "127.0.0.1", int(stack.env["NIGHTSHIFT_AIRFLOW_PORT"])),
        ("mlflow", "127.0.0.1", int(stack.env["NIGHTSHIFT_MLFLOW_PORT"])),
    }


@pytest.mark.parametrize("port", [8888, 9333, 8080, 18888, 19333])
def test_of_the_s3_server_only_its_s3_port_is_reached(stack: DockerStack, port: int) -> None:
    assert stack.python(CONNECTS, "objectstore", "8333") == "open"
    assert stack.python(CONNECTS, "objectstore", str(port)) == "ConnectionRefusedError"


def test_the_broker_is_reached_by_those_alone_who_need_it(stack: DockerStack) -> None:
    assert stack.python(CONNECTS, "valkey", "6379") == "gaierror"
    assert stack.python(CONNECTS, "valkey", "6379", service="worker") == "open"


@pytest.mark.parametrize("password", ["admin", "airflow", "password", "password1234", ""])
def test_no_well_known_password_opens_a_page(stack: DockerStack, password: str) -> None:
    with pytest.raises(AirflowApiError, match=r"40[01]|422"):
        AirflowApi(stack.airflow_url, SecretStr(password)).dag(retrain_dag_id(PROJECT))
    for user in ("admin", "nightshift"):
        assert _mlflow_status(stack, user, password) == 401
    assert _mlflow_status(stack, "nightshift", stack.env["MLFLOW_PASSWORD"]) == 200


@pytest.mark.parametrize(("user", "password"), [("postgres", "postgres"), ("airflow", "airflow"), ("mlflow", "mlflow")])
def test_no_well_known_password_opens_a_database(stack: DockerStack, user: str, password: str) -> None:
    code = """
import json, sys, psycopg
try:
    psycopg.connect(host="postgres", user=sys.argv[1], password=sys.argv[2], dbname="airflow", connect_timeout=5)
    print('"open"')
except psycopg.OperationalError as error:
    print(json.dumps(str(error)))
"""
    assert "password authentication failed" in stack.python(code, user, password)


def test_the_pipeline_may_not_write_into_the_warehouse(stack: DockerStack) -> None:
    code = """
import json, os, psycopg
try:
    psycopg.connect(os.environ["AIRFLOW_CONN_TELCO_WAREHOUSE"]).execute("SET default_transaction_read_only = off")
    with psycopg.connect(os.environ["AIRFLOW_CONN_TELCO_WAREHOUSE"]) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        connection.execute("DELETE FROM customers")
    print('"written"')
except psycopg.Error as error:
    print(json.dumps(type(error).__name__))
"""
    assert stack.python(code, service="worker") == "InsufficientPrivilege"


def test_two_namespaces_have_a_champion_each_and_one_goes_alone(stack: DockerStack, night: str) -> None:
    before = stack.objects(f"{PROJECT}/")
    for name in ("pr-1", "pr-2"):
        done = stack.nightshift("run", PROJECT, "--docker", "--namespace", name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PROMOTE" in done.stdout
    kept = stack.objects("namespace=pr-2/")
    assert any("/ledger/" in key for key in kept)

    removed = stack.nightshift("namespace", "rm", "pr-1", "--yes", "--docker")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert stack.objects("namespace=pr-1/") == {}
    assert stack.objects("namespace=pr-2/") == kept
    assert stack.objects(f"{PROJECT}/") == before
    api = stack.api()
    assert api.dag(retrain_dag_id(PROJECT, "pr-1")) is None
    assert api.dag(retrain_dag_id(PROJECT, "pr-2")) is not None


def test_it_comes_up_again_by_hand_with_all_it_held(stack: DockerStack, night: str) -> None:
    assert stack.nightshift("down", "--docker").returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(stack.env["NIGHTSHIFT_AIRFLOW_PORT"]))) != 0
    refused = stack.nightshift("status", "--docker")
    assert refused.returncode == 2
    assert "it is not running; hint: ./nightshift up --docker" in refused.stderr
    stack.compose.output("up", "--detach", "--wait")
    status = json.loads(stack.nightshift("status", PROJECT, "--json", "--docker").stdout)
    assert status["projects"][0]["champion"]["version"] == "1"


def _mlflow_status(stack: DockerStack, user: str, password: str) -> int:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(
        f"{stack.mlflow_url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default",
        headers={"Authorization": f"Basic {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

import pytest

from include.config.settings import Settings
from include.stack.environment import LOOPBACK, choose_ports
from include.stack.stack import Stack

NAMES = ["airflow_port", "mlflow_port"]


def stack(home: Path, mode: Literal["run", "up"], ports: dict[str, int], **environ: str) -> Stack:
    settings = Settings.from_environment({"NIGHTSHIFT_HOME": str(home), **environ})
    made = Stack(settings, mode, s3=False, say=lambda text: None)
    made.state = made.state.model_copy(update={"ports": ports})
    return made


def test_the_pages_find_mlflow_where_it_listens_also_when_its_port_was_taken(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind((LOOPBACK, 0))
        busy.listen()
        taken = busy.getsockname()[1]
        settings = Settings.from_environment({"NIGHTSHIFT_HOME": str(tmp_path)})
        ports = choose_ports(settings.model_copy(update={"mlflow_port": taken}), NAMES, prefer_default=True)
    environ = stack(tmp_path, "up", ports).environment()
    assert ports["mlflow_port"] != taken
    assert environ["NIGHTSHIFT_MLFLOW_URL"] == f"http://127.0.0.1:{ports['mlflow_port']}"
    assert Settings.from_environment(environ).mlflow_url == environ["NIGHTSHIFT_MLFLOW_URL"]


def test_a_stack_of_one_night_has_no_mlflow_to_lead_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTSHIFT_MLFLOW_URL", raising=False)
    environ = stack(tmp_path, "run", {"airflow_port": 8080}).environment()
    assert Settings.from_environment(environ).mlflow_url == ""


def test_a_tracking_server_of_somebody_elses_is_where_browsers_are_sent(tmp_path: Path) -> None:
    address = {"NIGHTSHIFT_TRACKING_URL": "https://tasks:secret@mlflow.example.org:8443/ml"}
    environ = stack(tmp_path, "up", {"airflow_port": 8080}, **address).environment()
    assert environ["NIGHTSHIFT_TRACKING_URL"] == address["NIGHTSHIFT_TRACKING_URL"]
    assert Settings.from_environment(environ).mlflow_url == "https://mlflow.example.org:8443/ml"

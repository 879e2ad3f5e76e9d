from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from include.config.settings import Settings
from include.domain.errors import SettingsError
from include.stack.environment import LOOPBACK, choose_ports, free_ports, is_free


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def settings(**environ: str) -> Settings:
    return Settings.from_environment({"NIGHTSHIFT_HOME": "/nowhere", **environ})


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_a_port_with_a_listener_is_not_free(busy: int) -> None:
    assert not is_free(busy)


def test_a_chosen_port_is_honoured() -> None:
    (port,) = free_ports(1)
    chosen = choose_ports(settings(NIGHTSHIFT_AIRFLOW_PORT=str(port)), ["airflow_port"], prefer_default=False)
    assert chosen == {"airflow_port": port}


def test_a_chosen_port_in_use_is_one_sentence_that_names_the_variable(busy: int) -> None:
    with pytest.raises(SettingsError) as error:
        choose_ports(settings(NIGHTSHIFT_AIRFLOW_PORT=str(busy)), ["airflow_port"], prefer_default=True)
    assert str(error.value) == (
        f"NIGHTSHIFT_AIRFLOW_PORT: the port is in use; got: {busy}; "
        "hint: stop what listens there, or choose another port (unset, a free one is taken)"
    )


def test_one_port_for_two_things_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(SettingsError, match="two ports may not be the same"):
        choose_ports(
            settings(NIGHTSHIFT_AIRFLOW_PORT=str(port), NIGHTSHIFT_MLFLOW_PORT=str(port)),
            ["airflow_port", "mlflow_port"],
            prefer_default=True,
        )


def test_a_default_port_in_use_gives_way_to_a_free_one(busy: int) -> None:
    given = settings().model_copy(update={"airflow_port": busy})
    chosen = choose_ports(given, ["airflow_port"], prefer_default=True)["airflow_port"]
    assert chosen != busy
    assert is_free(chosen)


def test_defaults_are_taken_only_when_preferred() -> None:
    (port,) = free_ports(1)
    given = settings().model_copy(update={"airflow_port": port})
    assert choose_ports(given, ["airflow_port"], prefer_default=True) == {"airflow_port": port}
    assert choose_ports(given, ["airflow_port"], prefer_default=False) != {"airflow_port": port}

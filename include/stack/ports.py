"""Choose the TCP ports of a stack: the ones the user named, else free ones, all on loopback."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from include.config.errors import SettingsError
from include.config.settings import Settings

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether nobody listens on `port` of loopback (a bind, as the server itself will do it)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now; all are held until the last one is found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]


def choose_ports(settings: Settings, wanted: Sequence[str], *, prefer_default: bool) -> dict[str, int]:
    """Return a port for each name of `wanted` ("airflow_port", ...; names that are no setting get any free port).

    Args:
        settings: Which ports the user chose, and the defaults.
        wanted: Names of ports.
        prefer_default: Take a default port while it is free, so that the address stays the same from day to day.

    Raises:
        SettingsError: A port the user chose is in use, or is chosen for two things.
    """
    chosen = {name: int(getattr(settings, name)) for name in wanted if name in settings.ports_chosen}
    _refuse_collisions(chosen)
    spare = free_ports(len(wanted))
    ports: dict[str, int] = {}
    for name, any_free in zip(wanted, spare, strict=True):
        default = getattr(settings, name, None) if prefer_default else None
        if name in chosen:
            ports[name] = chosen[name]
        elif default and default not in chosen.values() and is_free(default):
            ports[name] = default
        else:
            ports[name] = any_free
    return ports


def _refuse_collisions(chosen: Mapping[str, int]) -> None:
    for name, port in chosen.items():
        variable = f"NIGHTSHIFT_{name.upper()}"
        if list(chosen.values()).count(port) > 1:
            raise SettingsError(variable, "two ports may not be the same", got=str(port))
        if not is_free(port):
            raise SettingsError(
                variable,
                "the port is in use",
                got=str(port),
                hint="stop what listens there, or choose another port (unset, a free one is taken)",
            )

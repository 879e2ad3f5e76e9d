"""Run single commands in the environment of a home's Airflow, beside its stack or without one."""

from __future__ import annotations

import os

from include.config.settings import Settings
from include.stack import processes
from include.stack.airflow_settings import read_airflow_settings
from include.stack.credentials import load_credentials
from include.stack.environment import airflow_environment, component_logs
from include.stack.home import prepare_home
from include.stack.processes import STACK_VARIABLE, Job
from include.stack.running import running_stack
from include.stack.state import StackState, deployed


def command_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for an `airflow` command on this home, whose database is made when there is none.

    With a running stack it is that stack's: its port, its store. In a container it is the container's own, with the
    connections and variables of `airflow_settings.yaml` that it does not set.
    """
    if deployed():
        return {**read_airflow_settings(settings.root).environment(), **os.environ}
    state = running_stack(settings.home)
    credentials, declared = load_credentials(settings.home), read_airflow_settings(settings.root)
    port = settings.airflow_port
    if state is not None:
        settings = settings.model_copy(update={"store_url": state.store_url, "tracking_url": state.tracking_url})
        port = state.ports["airflow_port"]
    env = airflow_environment(settings, credentials, declared, airflow_port=port)
    env.update(state.secret_environment() if state is not None else {})
    prepare_home(settings, credentials, declared, env)
    return env


def stack_job(settings: Settings, state: StackState, name: str, module: str, *arguments: str) -> Job:
    """Start one of our own modules with the environment of a running stack."""
    environ = {**command_environment(settings), STACK_VARIABLE: state.stack_id}
    command = processes.python_module(module, *arguments)
    return Job(name, command, environ=environ, cwd=settings.root, logs=component_logs(settings.home))

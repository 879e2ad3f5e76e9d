"""Tell by the exit status whether one Airflow service of the docker stack works; run as its health check.

Airflow's own commands for it import all of Airflow, four seconds of a core each time; these cost half of one.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import urllib.request
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 8


def component(name: str) -> bool:
    """Tell whether the API server has heard from a component: "scheduler", "dag_processor" or "triggerer"."""
    server = urlsplit(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    url = f"{server.scheme}://{server.netloc}/api/v2/monitor/health"
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the stack's own http address
        return bool((json.load(answer).get(name) or {}).get("status") == "healthy")


def worker() -> bool:
    """Tell whether this container's Celery worker answers by the broker."""
    # installed in the image alone
    celery = importlib.import_module("celery")
    app = celery.Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    name = f"celery@{socket.gethostname()}"
    return bool(app.control.ping(destination=[name], timeout=TIMEOUT_SECONDS / 2))


def healthy(name: str) -> bool:
    """Tell whether the service works; a failure to ask is a no."""
    try:
        return worker() if name == "worker" else component(name)
    except (OSError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    sys.exit(0 if healthy(sys.argv[1]) else 1)

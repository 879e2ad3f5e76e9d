"""Speak with a running Airflow by its REST API: only what the door needs, on the standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from include.config.credentials import ADMIN
from include.domain.errors import AirflowApiError

TIMEOUT_SECONDS = 30
# what Airflow gives at most at once
PAGE = 100


class AirflowApi:
    """Be logged in to one Airflow as its administrator; the token is asked for on the first call.

    Args:
        url: "http://127.0.0.1:8080".
        password: Of the user `admin`.
    """

    def __init__(self, url: str, password: SecretStr) -> None:
        self.url = url
        self._password = password
        self._token = ""

    def health(self) -> dict[str, str]:
        """Return the state of each component ("healthy", "unhealthy", ""), or nothing while nobody answers."""
        try:
            answer = self._send("GET", f"{self.url}/api/v2/monitor/health", None, {})
        except (AirflowApiError, OSError):
            return {}
        return {name: str((part or {}).get("status") or "") for name, part in answer.items()}

    def warm_up(self) -> bool:
        """Make the API server load what tasks will ask it for (4 s that the first task would wait); tell if it has."""
        try:
            self._send("GET", f"{self.url}/execution/health", None, {})
        except AirflowApiError as error:
            return error.status != 0
        return True

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Return what Airflow knows of a Dag, or None when it does not know it (yet)."""
        return self._found(f"/dags/{quote(dag_id)}")

    def every_dag(self, pattern: str) -> list[dict[str, Any]]:
        """Return all Dags whose id is like `pattern` (% stands for anything), those not read any more included."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get("/dags", dag_id_pattern=pattern, exclude_stale="false", limit=PAGE, offset=len(found))
            found += page["dags"]
            if len(page["dags"]) < PAGE:
                return found

    def delete_dag(self, dag_id: str) -> None:
        """Delete a Dag with all its runs; one that is not there is no error."""
        self._delete(f"/dags/{quote(dag_id)}")

    def pool(self, name: str) -> dict[str, Any] | None:
        """Return a pool, or None when there is none of that name."""
        return self._found(f"/pools/{quote(name)}")

    def create_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        self._call("POST", "/pools", body)

    def delete_pool(self, name: str) -> None:
        """Delete a pool; one that is not there is no error."""
        self._delete(f"/pools/{quote(name)}")

    def import_errors(self) -> dict[str, str]:
        """Return the import error of each Dag file that has one."""
        found = self.get("/importErrors", limit=100)
        return {entry["filename"]: entry["stack_trace"] for entry in found["import_errors"]}

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Pause a Dag or let it run."""
        self._call("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": paused})

    def trigger(self, dag_id: str, body: Mapping[str, Any]) -> str:
        """Create a run and return its id."""
        return str(self._call("POST", f"/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return the state of a run."""
        return self.get(f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}")

    def runs(self, dag_id: str, *states: str) -> list[dict[str, Any]]:
        """Return the newest runs in one of `states`."""
        found = self.get(f"/dags/{quote(dag_id)}/dagRuns", limit=20, order_by="-run_after", state=list(states))
        return list(found["dag_runs"])

    def every_run(self, dag_id: str, **query: Any) -> list[dict[str, Any]]:
        """Return all runs that match, in the order in which they were made, however many there are."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/dags/{quote(dag_id)}/dagRuns", limit=PAGE, offset=len(found), order_by="id", **query)
            found += page["dag_runs"]
            if len(page["dag_runs"]) < PAGE:
                return found

    def announce(self, uri: str, extra: Mapping[str, Any]) -> bool:
        """Tell the Dags that wait for an asset that it has changed; False where Airflow knows no such asset."""
        found = self.get("/assets", uri_pattern=uri, limit=PAGE)["assets"]
        asset = next((each for each in found if each["uri"] == uri), None)
        if asset is None:
            return False
        self._call("POST", "/assets/events", {"asset_id": asset["id"], "extra": dict(extra)})
        return True

    def create_backfill(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a backfill with all its runs, as the form of the UI does."""
        return self._call("POST", "/backfills", body)

    def backfill_dry_run(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the runs that a backfill would make."""
        return list(self._call("POST", "/backfills/dry_run", body)["backfills"])

    def active_backfill(self, dag_id: str) -> dict[str, Any] | None:
        """Return the backfill of a Dag that has not ended (Airflow allows one), or None."""
        newest = self.get("/backfills", dag_id=dag_id, order_by="-id", limit=1)["backfills"]
        return next((found for found in newest if found["completed_at"] is None), None)

    def cancel_backfill(self, backfill_id: int) -> None:
        """End a backfill: its queued runs fail, running ones go on."""
        self._call("PUT", f"/backfills/{backfill_id}/cancel", None)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return every task instance of a run; a mapped task has one for each of its inputs."""
        found = self.get(f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/taskInstances", limit=1000)
        return list(found["task_instances"])

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        """End a run as failed, with a note that says why."""
        self._call("PATCH", f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}", {"state": "failed", "note": note})

    def answer(self, dag_id: str, run_id: str, task_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the question that a task waits with, and return what was recorded."""
        run = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"
        return self._call("PATCH", f"{run}/taskInstances/{quote(task_id)}/-1/hitlDetails", body)

    def result(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task handed back, or None when it handed back nothing."""
        run = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"
        path = f"{run}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        try:
            return self.get(path, stringify="false", map_index=map_index)["value"]
        except AirflowApiError as error:
            if error.status == 404:
                return None
            raise

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the JSON at `path` of API version 2."""
        return self._call("GET", path + (f"?{urlencode(query, doseq=True)}" if query else ""), None)

    def _found(self, path: str) -> dict[str, Any] | None:
        try:
            return self.get(path)
        except AirflowApiError as error:
            if error.status == 404:
                return None
            raise

    def _delete(self, path: str) -> None:
        try:
            self._call("DELETE", path, None)
        except AirflowApiError as error:
            if error.status != 404:
                raise

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        for attempt in (1, 2, 3):
            try:
                if not self._token:
                    self._token = self._log_in()
                headers = {"Authorization": f"Bearer {self._token}"}
                return self._send(method, f"{self.url}/api/v2{path}", body, headers)
            except AirflowApiError as error:
                if error.status == 401 and attempt == 1:
                    self._token = ""
                elif error.status == 0 and method == "GET" and attempt < 3:
                    time.sleep(1)
                else:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _log_in(self) -> str:
        body = {"username": ADMIN, "password": self._password.get_secret_value()}
        return str(self._send("POST", f"{self.url}/auth/token", body, {})["access_token"])

    def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the URL is our own http address on loopback
            url, data=data, method=method, headers={"Content-Type": "application/json", **headers}
        )
        try:
            with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                content: dict[str, Any] = json.loads(answer.read() or b"{}")
                return content
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise AirflowApiError(
                f"{method} {url}", f"Airflow answered {error.code}", status=error.code, got=_detail(text)
            ) from error
        except (OSError, ValueError) as error:
            raise AirflowApiError(f"{method} {url}", "Airflow does not answer", status=0, got=str(error)) from error


def answers(url: str) -> bool:
    """Tell whether a server on loopback answers at `url` with success."""
    try:
        with _opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# loopback is never behind a proxy, whatever the machine's variables say
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _detail(text: str) -> str:
    try:
        detail = json.loads(text).get("detail", text)
    except (ValueError, AttributeError):
        detail = text
    return " ".join(str(detail).split())[:500]

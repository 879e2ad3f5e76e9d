"""Hold the plugins to being tiny, and their links to leading somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.config.settings import ROOT

HEAVY = ("pandas", "numpy", "sklearn", "xgboost", "mlflow", "great_expectations", "boto3", "skops", "scipy", "pyarrow")
PROBE = """
import sys, time
from airflow import plugins_manager
before = set(sys.modules)
begun = time.process_time()
plugins, errors = plugins_manager._get_plugins()
spent = time.process_time() - begun
assert not errors, errors
names = sorted(plugin.name for plugin in plugins if plugin.name.startswith("nightshift"))
assert names == ["nightshift", "nightshift_daily_partition"], names
ours = sorted(name for name in sys.modules if name.split(".")[0] == "include")
heavy = sorted(name for name in {heavy!r} if name in sys.modules)
print(ours, heavy, round(spent, 2))
"""


def test_airflow_loads_them_and_they_load_nothing_heavy() -> None:
    program = PROBE.replace("{heavy!r}", repr(HEAVY))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("[] [] ")


def test_links_of_a_task() -> None:
    from nightshift_ui import NightshiftPlugin

    key = SimpleNamespace(dag_id="shop__retrain", run_id="manual__2013-04-02T03:15:00+00:00", task_id="train")
    links = {link.name: link.get_link(None, ti_key=key) for link in NightshiftPlugin.global_operator_extra_links}
    run = "shop__retrain/manual__2013-04-02T03:15:00+00:00"
    assert links == {
        "Decision": "/dags/shop__retrain/runs/manual__2013-04-02T03:15:00+00:00/plugin/decision",
        "MLflow run": f"/nightshift/mlflow/{run}",
        "Data Docs": "/nightshift/run-data-docs/shop__retrain",
    }


def test_other_dags_get_no_links() -> None:
    from nightshift_ui import NightshiftPlugin

    key = SimpleNamespace(dag_id="somebody_elses", run_id="r", task_id="t")
    assert {link.get_link(None, ti_key=key) for link in NightshiftPlugin.global_operator_extra_links} == {""}


def test_airflow_below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.org/airflow/")
    path = Path(ROOT / "plugins" / "nightshift_ui.py")
    spec = importlib.util.spec_from_file_location("nightshift_ui_below_a_path", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [view["href"] for view in module.NightshiftPlugin.external_views] == [
        "/airflow/nightshift/",
        "/airflow/nightshift/dag/{DAG_ID}",
        "/airflow/nightshift/decision/{DAG_ID}/{RUN_ID}",
    ]
    key = SimpleNamespace(dag_id="shop__retrain", run_id="r", task_id="t")
    assert [link.get_link(None, ti_key=key) for link in module.NightshiftPlugin.global_operator_extra_links] == [
        "/airflow/dags/shop__retrain/runs/r/plugin/decision",
        "/airflow/nightshift/mlflow/shop__retrain/r",
        "/airflow/nightshift/run-data-docs/shop__retrain",
    ]


def test_every_link_is_a_page() -> None:
    """The links are written in the plugin and the pages elsewhere: they must not drift apart."""
    from nightshift_ui import MOUNT, NightshiftPlugin
    from starlette.routing import Match

    from include.orchestration.web import app

    key = SimpleNamespace(dag_id="shop__retrain", run_id="r", task_id="t")
    tabs = [
        f"/dags/shop__retrain/runs/r/plugin/{view['url_route']}"
        for view in NightshiftPlugin.external_views
        if view["destination"] == "dag_run"
    ]
    links = [link.get_link(None, ti_key=key) for link in NightshiftPlugin.global_operator_extra_links]
    paths = [link for link in links if link not in tabs]
    assert len(paths) == len(links) - 1
    paths += [
        view["href"].replace("{DAG_ID}", "d").replace("{RUN_ID}", "r") for view in NightshiftPlugin.external_views
    ]
    for path in paths:
        scope = {"type": "http", "method": "GET", "path": path.removeprefix(MOUNT), "root_path": "", "headers": []}
        assert any(route.matches(scope)[0] == Match.FULL for route in app.routes), path

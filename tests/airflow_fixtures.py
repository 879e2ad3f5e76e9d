"""Make an Airflow database, projects and scripted stages for the tests that run Dags."""

from __future__ import annotations

from pathlib import Path

DECLARATION = """\
owner: {{name: Ada, email: ada@example.org}}
description: A small project that exists only in tests.
problem: binary
schedule: "15 3 * * *"
tags: [small]
source:
  kind: files
  tables:
    rows: {{path: "landing/{name}/{{date}}.csv"}}
keys: [id]
target: {{name: late, column: delay, greater_than: 15}}
window: {{label_delay_days: 1, days: 30, holdout_days: 5}}
features: {{numeric: [distance]}}
candidates:
  - {{name: simple, estimator: logistic_regression}}
  - {{name: trees, estimator: xgboost}}
gates:
  - {{kind: minimum, metric: roc_auc, value: 0.6}}
"""


def write_project(projects_dir: Path, name: str, *, replace: tuple[str, str] = ("", "")) -> Path:
    """Write a valid project folder (or, with `replace`, a broken one) and return it."""
    folder = projects_dir / name
    folder.mkdir(parents=True)
    text = DECLARATION.format(name=name)
    assert replace[0] in text
    (folder / "project.yaml").write_text(text.replace(*replace) if replace[0] else text)
    (folder / "features.py").write_text("def build_features(raw, history):\n    return raw\n")
    (folder / "expectations.py").write_text("def build_suite():\n    return []\n")
    (folder / "README.md").write_text(f"# {name}\n\nWhat it predicts.\n")
    return folder


def airflow_database() -> None:
    """Make Airflow's metadata database of this session, if it is not there, and the pool that training needs."""
    from airflow import settings
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from sqlalchemy import inspect

    if not inspect(settings.engine).has_table("dag_run"):
        initdb()
    with create_session() as session:
        if Pool.get_pool("training", session=session) is None:
            Pool.create_or_update_pool(
                "training", slots=1, description="tests", include_deferred=False, session=session
            )

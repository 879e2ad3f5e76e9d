"""Make an Airflow database, projects and scripted stages for the tests that run Dags."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from include.domain.decision import Decision, GateResult, LedgerEntry, ModelSummary
from include.domain.results import Origin, RunType, Span, Verdict
from include.io import keys
from include.io.ledger import Ledger
from include.io.stores import open_store

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


def write_decision(
    store_url: str,
    project: str,
    *,
    run_id: str,
    verdict: Verdict = "PROMOTE",
    report: str = "<h1>report</h1>",
    as_of: str = "2013-04-01",
    run_type: RunType = "manual",
) -> LedgerEntry:
    """Write a decision, its report and its ledger entries, as the promote stage does; return the decision's entry."""
    store, ledger = open_store(store_url), Ledger(open_store(store_url), project)
    origin = Origin(run_id=run_id, dag_id=f"{project}__retrain", run_type=run_type)
    day = date.fromisoformat(as_of)
    span = Span(first=day, last=day)
    model = ModelSummary(candidate="trees", candidate_id="c1", estimator="xgboost", as_of=day, tracking_run_id="t1")
    passed = verdict != "REJECT"
    decision = Decision(
        decision_id="d-" + re.sub(r"\W+", "-", run_id),
        project=project,
        as_of=day,
        verdict=verdict,
        reason="because of the gates",
        made_at=datetime(2013, 4, 2, tzinfo=UTC) if as_of == "2013-04-01" else datetime(2013, 5, 1, tzinfo=UTC),
        train=span,
        holdout=span,
        holdout_rows=10,
        train_rows=90,
        positive_rate=0.2,
        primary_metric="roc_auc",
        challenger=model,
        champion=None,
        baseline={"roc_auc": 0.5},
        gates=(
            GateResult(
                kind="minimum", metric="roc_auc", threshold=">= 0.6", value=0.7 if passed else 0.51, passed=passed
            ),
            GateResult(kind="leak_alarm", metric="roc_auc", threshold="<= 0.9", value=0.7, passed=True),
        ),
        data_fingerprint="f",
        code_fingerprint="g",
        origin=origin,
    )
    decision_key = keys.decision(project, decision.decision_id)
    report_key = keys.decision_report(project, decision.decision_id)
    store.put(decision_key, decision.model_dump_json().encode())
    store.put(report_key, report.encode())

    def entry(kind: Literal["decision", "promotion"], number: int) -> LedgerEntry:
        return LedgerEntry(
            number=number,
            kind=kind,
            project=project,
            as_of=day,
            made_at=decision.made_at,
            verdict=verdict,
            reason=decision.reason,
            decision_id=decision.decision_id,
            decision_uri=store.uri(decision_key),
            report_uri=store.uri(report_key),
            candidate="trees",
            candidate_id="c1",
            version="1",
            tracking_run_id="t1",
            origin=origin,
        )

    written = ledger.append(lambda number, _: entry("decision", number))
    if verdict == "PROMOTE":
        ledger.append(lambda number, _: entry("promotion", number))
    return written

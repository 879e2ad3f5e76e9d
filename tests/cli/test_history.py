"""The command `history` shows the record of a ledger, writes its page, and says what it was asked wrongly."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from include.cli.app import main
from include.config.discovery import read_project
from include.domain.decision import Decision, LedgerEntry, ModelSummary
from include.domain.evidence import Difference, Measurements
from include.domain.results import Origin, Span, Verdict
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import to_json
from include.io.stores import open_store
from include.stages.evaluate.measurements import measurement_fingerprint
from tests.airflow_fixtures import write_project

PROVED = Difference(
    metric="roc_auc",
    value=0.1,
    standard_error=0.02,
    confidence=0.95,
    lower=0.06,
    upper=0.14,
    p_value=0.001,
    method="paired bootstrap, 2000 draws of 14 days",
)
BASELINE = {"roc_auc": 0.5, "average_precision": 0.3, "brier_score": 0.25, "log_loss": 0.7}


def _model(version: int, day: date, value: float) -> ModelSummary:
    holdout = {**BASELINE, "roc_auc": value}
    return ModelSummary(
        candidate="trees",
        candidate_id=f"trees-{version}",
        estimator="xgboost",
        as_of=day,
        version=str(version),
        holdout=holdout,
        interval=(value - 0.02, value + 0.02),
    )


def _decision(
    day: date, challenger: ModelSummary, champion: ModelSummary | None, verdict: Verdict, declared: str
) -> Decision:
    return Decision(
        decision_id=f"d-{day}",
        project="shop",
        as_of=day,
        verdict=verdict,
        reason=f"because of [{day}]",
        made_at=datetime(2026, 1, 3, tzinfo=UTC),
        train=Span(first=day, last=day),
        holdout=Span(first=day, last=day),
        holdout_rows=100,
        train_rows=300,
        positive_rate=0.3,
        primary_metric="roc_auc",
        challenger=challenger,
        champion=champion,
        baseline=BASELINE,
        gates=(),
        measurements=Measurements(differences=(PROVED,) if champion else ()),
        measured_by=declared,
        data_fingerprint="f",
        code_fingerprint="c",
        origin=Origin(run_id="r"),
    )


@pytest.fixture
def recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write three days of a shop, the newest first: 0.7 starts, 0.8 is better, 0.75 is not."""
    declared = measurement_fingerprint(read_project(write_project(home / "projects", "shop")))
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("COLUMNS", "200")
    days = [date(2013, 4, day) for day in (1, 2, 3)]
    first, second, third = (
        _model(n + 1, day, v) for n, (day, v) in enumerate(zip(days, (0.7, 0.8, 0.75), strict=True))
    )
    here = {"holdout": {**BASELINE, "roc_auc": 0.78}, "interval": None}
    decisions = [
        _decision(days[2], third, second.model_copy(update=here), "HOLD", declared),
        _decision(days[1], second, first.model_copy(update=here), "HOLD", declared),
        _decision(days[0], first, None, "REJECT", declared),
    ]
    store = open_store(f"file://{home / 'store'}")
    for made in decisions:
        store.put(keys.decision("shop", made.decision_id), to_json(made))
        entry = LedgerEntry(
            number=1,
            kind="decision",
            project="shop",
            as_of=made.as_of,
            made_at=made.made_at,
            verdict=made.verdict,
            reason=made.reason,
            decision_id=made.decision_id,
            decision_uri="",
            candidate="trees",
            candidate_id=made.challenger.candidate_id,
            origin=made.origin,
        )
        Ledger(store, "shop").append(lambda number, _, entry=entry: entry.model_copy(update={"number": number}))
    return home / "store" / "shop" / "history" / "history.html"


def test_the_table_and_the_page_show_every_night(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "shop"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[2:5] == [
        "2013-04-01 PROMOTE 0.7000 (0.6800 to 0.7200) – – version 1 (2013-04-01) REJECT (#3)",
        "2013-04-02 PROMOTE 0.8000 (0.7800 to 0.8200) 0.7800 (version 1) +0.0200 version 2 (2013-04-02) HOLD (#2)",
        "2013-04-03 HOLD 0.7500 (0.7300 to 0.7700) 0.7800 (version 2) −0.0300 version 2 (2013-04-02) HOLD (#1)",
    ]
    assert lines[5].startswith("3 nights, 2013-04-01 to 2013-04-03: 2 promoted, 1 held, 0 rejected.")
    # what the ledger holds, where nothing was promoted, is told beside what would have been
    assert lines[6] == (
        "This is a what-if, which would have ended with version 2 of 2013-04-02; there is no champion in production."
    )
    assert lines[7] == f"page file://{recorded}"
    # these records hold no numbers of a release, nor of what leaked
    told = " ".join(lines[8:])
    assert told.startswith("Left out, ") and "leakage (3 nights)" in told and "latency (3 nights)" in told
    assert "Left out, " in recorded.read_text()
    assert "not better than champion 2: roc_auc 0.75 against 0.78" in recorded.read_text()


def test_a_narrow_terminal_loses_no_number(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["history", "shop"]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(number in shown for number in ("0.7300", "0.7700", "0.7800", "−0.0300", "version 2", "#1"))


def test_days_can_be_chosen_and_still_know_the_nights_before(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "shop", "--from", "2013-04-02", "--to", "2013-04-02", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["page"], shown["what_if"]) == (f"file://{recorded}", True)
    assert shown["champion_in_production"] is None
    [night] = shown["nights"]
    assert (night["as_of"], night["champion"]["version"], night["in_force"]["version"]) == ("2013-04-02", "1", "2")
    assert (night["verdict"], night["decided"]) == ("PROMOTE", "HOLD")
    assert "One night, 2013-04-02" in recorded.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--from", "2013-4-1"], 2, "option --from: not a day; got: '2013-4-1'; allowed: YYYY-MM-DD"),
        (
            ["--from", "2013-04-03", "--to", "2013-04-01"],
            2,
            "option --from: the first day is after the last; got: --from 2013-04-03 --to 2013-04-01",
        ),
        (
            ["--from", "2013-05-01"],
            1,
            "the ledger of shop: no decision is of these days; got: --from 2013-05-01; "
            "hint: ./nightshift ledger shop lists the days that were decided",
        ),
    ],
)
def test_wrong_days_are_named(
    recorded: Path, arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "shop", *arguments]) == status
    shown = capsys.readouterr()
    assert (shown.err.strip(), shown.out) == (message, "")
    assert not recorded.exists()


@pytest.mark.usefixtures("home")
def test_a_project_without_decisions_or_without_a_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "telco_churn"]) == 1
    assert "the ledger of telco_churn: no decision yet; hint: ./nightshift run telco_churn" in capsys.readouterr().err
    assert main(["history", "telco_chrun"]) == 2
    assert "Did you mean 'telco_churn'?" in capsys.readouterr().err


def test_it_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--help"]) == 0
    assert "Example: ./nightshift history flight_delay" in capsys.readouterr().out

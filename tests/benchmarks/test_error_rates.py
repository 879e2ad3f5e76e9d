"""The measurement of error rates runs on real data, and its parts do what they say."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from benchmarks.duels import Arena
from benchmarks.error_rates import SHARES, main, share_for
from benchmarks.noise import METRICS, SHAPES, judge_noise
from benchmarks.real_days import PROJECTS, RealDays
from include.config.discovery import load_project
from include.config.gates import BetterThanChampionGate
from include.domain.metrics import MetricName
from tests.support.model_nights import FIRST, make_project, make_rows

TREES = [{"name": "trees", "estimator": "xgboost", "params": {"n_estimators": 60, "max_depth": 2, "subsample": 0.5}}]
GATES = [
    {"kind": "minimum", "metric": "roc_auc", "value": 0.5},
    {"kind": "serves"},
    {"kind": "stability", "off": True, "because": "a model of one tree is meant to answer quite otherwise"},
]
DAYS = 20


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealDays:
    """Return synthetic days in the shape of real ones."""
    parts = []
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        frame = make_rows(day)
        frame.insert(0, "day", day.isoformat())
        parts.append(frame)
    window = {"label_delay_days": 0, "days": 16, "holdout_days": 6}
    project = make_project(tmp_path_factory.mktemp("shop"), candidates=TREES, gates=GATES, window=window)
    return RealDays(project, pd.concat(parts, ignore_index=True), cyclic=False)


@pytest.fixture(scope="module")
def arena(real: RealDays) -> Arena:
    """Return the last window."""
    return Arena(real.project, *real.windows(2)[-1])


def test_windows_are_spread_over_the_days_and_a_replay_comes_round(real: RealDays) -> None:
    def held(windows: list[tuple[str, pd.DataFrame, pd.DataFrame]]) -> list[tuple[str, int, int]]:
        return [(as_of, train["day"].nunique(), holdout["day"].nunique()) for as_of, train, holdout in windows]

    day = [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]
    assert held(real.windows(2)) == [(day[15], 10, 6), (day[17], 10, 6)]
    assert [as_of for as_of, _, _ in real.windows(99)] == day[15:]
    round_again = RealDays(real.project, real.frame, cyclic=True).windows(99)
    assert len(round_again) == DAYS
    assert held(round_again)[10] == (day[5], 10, 6)
    _, train, holdout = round_again[10]
    assert set(train["day"]) == set(day[10:])
    assert set(holdout["day"]) == set(day[:6])


def test_a_model_is_made_by_its_seed_and_less_to_learn_from_makes_it_worse(arena: Arena) -> None:
    whole = arena.scores(1)
    assert np.array_equal(whole, arena.scores(1))
    assert not np.array_equal(whole, arena.scores(2))
    assert arena.gain(whole, arena.scores(3, "rows", 0.02)) > 0.01
    assert arena.gain(whole, arena.scores(3, "trees", 0.02)) > 0.01


def test_the_gates_of_the_project_judge(arena: Arena) -> None:
    whole, poor = arena.scores(1), arena.scores(3, "trees", 0.02)
    assert arena.meet(whole, poor).verdict == "PROMOTE"
    back = arena.meet(poor, whole)
    assert (back.verdict, back.failed) == ("HOLD", ("better_than_champion",))
    assert back.gain == -arena.meet(whole, poor).gain
    tie = arena.meet(whole, whole)
    assert (tie.verdict, tie.gain) == ("HOLD", 0.0)


def test_the_share_is_where_the_gain_is_as_wanted() -> None:
    gains = [0.05, 0.03, 0.02, 0.01, 0.0]
    assert share_for(0.02, gains) == pytest.approx(SHARES[2])
    assert SHARES[1] < share_for(0.025, gains) < SHARES[2]
    assert (share_for(1.0, gains), share_for(-1.0, gains)) == (pytest.approx(SHARES[0]), pytest.approx(SHARES[-1]))
    # chance may turn two of them round
    assert SHARES[0] < share_for(0.03, [0.05, 0.02, 0.025, 0.01, 0.0]) < SHARES[1]


@pytest.mark.parametrize("metric", METRICS)
def test_first_models_of_noise_are_rejected(metric: MetricName) -> None:
    """Of 200 at most one in twenty may be promoted; of these few, whatever the shape of the data, hardly one is."""
    judged = [judge_noise(metric, shape, number) for shape in SHAPES[:3] for number in range(5)]
    assert sum(verdict == "PROMOTE" for verdict, _ in judged) <= 1
    # half of them look better than they are: that is what has to be seen through
    assert metric == "f1" or any(gain > 0 for _, gain in judged)


def test_a_real_first_model_is_promoted_and_one_of_turned_answers_is_not(arena: Arena) -> None:
    whole = arena.scores(1)
    assert (arena.first(whole).verdict, arena.first(whole).failed) == ("PROMOTE", ())
    turned = arena.first(1 - whole)
    assert turned.verdict == "REJECT"
    assert "beats_baseline" in turned.failed


def test_a_few_tries_on_real_customers(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--project", "telco_churn", "--tries", "4", "--firsts", "4", "--as-of-days", "2"]
    status = main([*arguments, "--processes", "1", "--json"])
    shown = capsys.readouterr()
    measured = json.loads(shown.out)
    [first], [found] = measured["first"], measured["projects"]
    assert (first["tries"], first["promoted"], first["failed"], first["kept"]) == (4, 4, {}, True)
    declared = next(
        gate for gate in load_project(PROJECTS, "telco_churn").gates if isinstance(gate, BetterThanChampionGate)
    )
    assert (found["metric"], found["margin"], found["confidence"]) == ("roc_auc", declared.margin, 0.95)
    assert 1_600 < found["holdout_rows"] < 1_900
    equal, better = found["equal"], found["better"]
    # four tries are sure of no more than this; the other way round would be a broken measurement
    assert (equal["tries"], equal["promoted"], equal["rejected"]) == (4, 0, 0)
    assert better["promoted"] >= 2
    assert abs(equal["gain"]) < declared.margin < better["gain"] < 4 * declared.margin
    assert (found["kept"], status) in ((True, 0), (False, 1))
    assert "telco_churn: judging, as-of day 2 of 2" in shown.err


def test_it_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "equal challengers promoted" in capsys.readouterr().out

"""What explains a decision is of both models and the whole window, and shows nobody's key or group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from include.config.project import Project
from include.domain.explanation import Explanation
from include.domain.results import PlanResult, Span
from include.io.models import LoadedModel
from include.ml.estimators import build_estimator
from include.ml.metrics import Predictions
from include.ml.signature import model_input, signature_of
from include.stages.evaluate import documents
from include.stages.evaluate.documents import explain
from tests.support.model_nights import make_project, make_rows

FIRST = date(2013, 4, 1)
TRAIN_DAYS, HOLDOUT_DAYS, ROWS = 6, 3, 400
SECRET = "senior"


@dataclass(frozen=True)
class Case:
    """Hold what is explained."""

    project: Project
    plan: PlanResult
    train: pd.DataFrame
    holdout: pd.DataFrame
    challenger: LoadedModel
    champion: LoadedModel

    def scored(self, champion: bool = True) -> Predictions:
        labels, days = self.holdout["late"].to_numpy(dtype=int), self.holdout["day"].to_numpy()
        theirs = self.champion.score(self.holdout) if champion else None
        return Predictions(labels, days, self.challenger.score(self.holdout), theirs, seed=7)

    def explain(self, champion: bool = True) -> Explanation:
        theirs = self.champion if champion else None
        return explain(
            self.project, self.plan, self.train, self.holdout, self.scored(champion), self.challenger, theirs
        )


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _rows(number: int) -> pd.DataFrame:
    frame = make_rows(_day(number), rows=ROWS)
    frame.insert(0, "day", pd.Series([_day(number).isoformat()] * ROWS, dtype="str"))
    frame[SECRET] = pd.Series(np.where(frame.index % 3 == 0, "yes", "no"), dtype="str")
    frame["retired"] = frame["weight"] * 2
    return frame


def _fitted(project: Project, frame: pd.DataFrame) -> LoadedModel:
    signature = signature_of(frame, project.features, "late")
    pipeline = build_estimator("logistic_regression", {}, project.features, seed=1, threads=1)
    return LoadedModel(pipeline.fit(model_input(frame, signature), frame["late"].to_numpy()), signature, b"")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("explained")
    # the group is a feature, too: it may tell where the model errs, but is not shown of a single row
    project = make_project(
        folder, protected=[SECRET], features={"numeric": ["weight", "distance"], "categorical": ["city", SECRET]}
    )
    older = make_project(folder, features={"numeric": ["retired"], "categorical": ["city"]})
    days = tuple(_day(number) for number in range(TRAIN_DAYS + HOLDOUT_DAYS))
    train = pd.concat([_rows(number) for number in range(TRAIN_DAYS)], ignore_index=True)
    holdout = pd.concat([_rows(TRAIN_DAYS + number) for number in range(HOLDOUT_DAYS)], ignore_index=True)
    plan = PlanResult(
        train=Span(first=days[0], last=days[TRAIN_DAYS - 1]),
        holdout=Span(first=days[TRAIN_DAYS], last=days[-1]),
        days=days,
        batches=(),
        fresh=len(days),
        stale=0,
    )
    return Case(project, plan, train, holdout, _fitted(project, train), _fitted(older, train))


@pytest.fixture(scope="module")
def found(case: Case) -> Explanation:
    return case.explain()


def test_both_models_have_curves_and_importance_on_the_same_rows(case: Case, found: Explanation) -> None:
    assert set(found.curves) == {"challenger", "champion"}
    scored = case.scored()
    recall, precision = (np.array(axis) for axis in zip(*found.curves["challenger"].precision_recall, strict=True))
    assert float((np.diff(recall, prepend=0) * precision).sum()) == pytest.approx(
        average_precision_score(scored.labels, scored.challenger), abs=0.01
    )
    assert found.curves["challenger"].roc[-1] == found.curves["champion"].roc[-1] == (1.0, 1.0)
    by_name = {each.feature: each for each in found.importance}
    assert [found.importance[0].feature, found.importance[-1].feature] == ["weight", "retired"]
    assert by_name["weight"].challenger > 0.2
    assert by_name["weight"].champion is None
    assert by_name["retired"].challenger is None
    assert by_name["retired"].champion > 0.2
    assert abs(by_name["distance"].challenger) < 0.02
    # both lean on the city, the older model no less
    assert by_name["city"].challenger == pytest.approx(by_name["city"].champion, abs=0.02)
    assert by_name["city"].challenger > 0.01
    assert found.importance_sample is not None
    assert found.importance_sample.model_dump() == {
        "metric": "roc_auc", "rows": HOLDOUT_DAYS * ROWS, "sampled_rows": HOLDOUT_DAYS * ROWS, "repeats": 3,
    }  # fmt: skip


def test_the_same_arguments_explain_the_same_and_the_record_is_json(case: Case, found: Explanation) -> None:
    assert case.explain() == found
    text = found.model_dump_json()
    assert Explanation.model_validate_json(text) == found
    assert "NaN" not in text
    assert len(text) < 100_000


def test_without_a_champion_only_the_challenger_is_explained(case: Case) -> None:
    alone = case.explain(champion=False)
    assert set(alone.curves) == {"challenger"}
    assert {each.feature for each in alone.importance} == {"weight", "distance", "city", SECRET}
    assert {each.champion for each in alone.importance} == {None}


def test_single_rows_show_neither_key_nor_group_nor_what_is_no_feature(found: Explanation) -> None:
    assert len(found.errors.worst) == 10
    for row in found.errors.worst:
        assert set(row.features) == {"weight", "distance", "city"}
    assert [each.score for each in found.errors.worst[:5]] == sorted(each.score for each in found.errors.worst[:5])


def test_a_part_where_the_challenger_errs_is_told(case: Case) -> None:
    wrong = case.holdout.copy()
    wrong.loc[wrong["city"] == "Oslo", "late"] = 0
    turned = Case(case.project, case.plan, case.train, wrong, case.challenger, case.champion).explain()
    worst = turned.errors.slices[0]
    assert "city is Oslo" in worst.rule
    assert worst.positive_rate == 0
    assert worst.mean_score > 0.4
    assert worst.loss > worst.overall
    assert turned.errors.searched_rows + turned.errors.judged_rows == len(wrong)


def test_the_window_is_described_in_both_parts(case: Case, found: Explanation) -> None:
    data = found.data
    assert data is not None
    assert [each.name for each in data.features] == ["weight", "distance", "city", SECRET]
    assert (data.train_rows, data.holdout_rows) == (TRAIN_DAYS * ROWS, HOLDOUT_DAYS * ROWS)
    distance = data.features[1]
    assert distance.missing["train"] == pytest.approx(case.train["distance"].isna().mean())
    assert [each.day for each in data.days] == list(case.plan.days)
    assert [each.holdout for each in data.days] == [False] * TRAIN_DAYS + [True] * HOLDOUT_DAYS
    assert sum(each.rows * each.positive_rate for each in data.days) == pytest.approx(
        case.train["late"].sum() + case.holdout["late"].sum()
    )
    assert data.correlated == ("weight", "distance", "late")
    both = pd.concat([case.train, case.holdout])
    assert data.correlation_rows == len(both)
    assert data.correlation[0][2] == pytest.approx(both["weight"].corr(both["late"], method="spearman"))
    assert data.adversarial_auc == pytest.approx(0.5, abs=0.06)
    assert data.adversarial_rows == HOLDOUT_DAYS * ROWS


def test_of_many_rows_a_sample_is_taken_and_told(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMPORTANCE_ROWS", "CORRELATION_ROWS", "ADVERSARIAL_ROWS"):
        monkeypatch.setattr(documents, name, 500)
    sampled = case.explain()
    assert sampled.importance_sample is not None
    assert sampled.data is not None
    assert (sampled.importance_sample.rows, sampled.importance_sample.sampled_rows) == (HOLDOUT_DAYS * ROWS, 500)
    assert (sampled.data.correlation_rows, sampled.data.adversarial_rows) == (500, 500)
    assert sampled.data.holdout_rows == HOLDOUT_DAYS * ROWS
    assert sampled.importance[0].feature == "weight"


def test_a_few_rows_are_explained_as_far_as_they_go(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Case(case.project, case.plan, case.train, case.holdout.iloc[:30], case.challenger, case.champion)
    small = few.explain()
    assert small.errors.slices == ()
    assert small.data is not None
    assert (small.data.adversarial_auc, small.data.adversarial_rows) == (None, 30)
    assert len(small.importance) == 5
    # a sample of one class tells nothing of importance
    monkeypatch.setattr(documents, "IMPORTANCE_ROWS", 1)
    assert (few.explain().importance, few.explain().importance_sample) == ((), None)


def test_a_part_that_cannot_be_drawn_is_a_note_beside_the_others(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("too large")

    monkeypatch.setattr(documents, "adversarial_auc", fails)
    made = case.explain()
    assert made.data is None
    assert made.notes == ("the data could not be drawn: ValueError: too large",)
    assert (set(made.curves), bool(made.importance), bool(made.errors.worst)) == (
        {"challenger", "champion"},
        True,
        True,
    )

"""The decision's page says the verdict first, shows all evidence, escapes what it is given and needs no network."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from include.config.decision import GateResult, ModelSummary
from include.reports.decision_page import headline, metric_rows, number, render, signed, tried
from tests.reports.decisions import CHALLENGER, CHAMPION, FAILED_GATE, GATES, MEASUREMENTS, OTHER, curve, decision

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


class _Page(HTMLParser):
    """Collect a page's tags, its attributes and its visible text, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._hidden = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += f" {data}"


def _text(html: str) -> str:
    return " ".join(_Page(html).text.split())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "xgboost proved better than the champion (version 3) and replaces it."),
        ({"champion": None}, "xgboost is the first champion."),
        ({"verdict": "HOLD"}, "xgboost passed; the champion (version 3) stays."),
        ({"verdict": "HOLD", "champion": None}, "xgboost passed; nothing is promoted."),
        (
            {"verdict": "REJECT", "gates": (*GATES, FAILED_GATE)},
            "xgboost failed 1 of 5 gates; the champion (version 3) stays.",
        ),
        (
            {"verdict": "REJECT", "gates": (FAILED_GATE,), "champion": None},
            "xgboost failed 1 of 1 gates; there is still no champion.",
        ),
    ],
)
def test_the_page_begins_with_the_verdict_in_a_sentence_and_why(changes: dict[str, object], sentence: str) -> None:
    judged = decision(**changes, reason="because of the numbers")

    assert headline(judged) == sentence
    assert _text(render(judged)).startswith(f"{judged.verdict} {sentence} because of the numbers flight_delay")


def test_the_page_holds_the_evidence() -> None:
    text = _text(render(decision()))

    for evidence in (
        "as of 2013-06-01",
        "decided 2013-06-02 09:04 UTC",
        "12 874 rows",
        "22.1 % positive",
        "ROC AUC: not worse than the champion >= 0.6291 0.6538 champion 0.6391 ✓ pass",
        "ROC AUC: better than the baseline > 0.55 0.6538 baseline 0.5000 ✓ pass",
        "ROC AUC primary, higher is better 0.6538 0.6391 +0.0147 0.5000",
        "Brier score lower is better 0.1702 0.1695 −0.0007 0.1761",
        "xgboost xgboost · chosen as challenger learning_rate 0.06, max_depth 5, n_estimators 150 0.6412 ± 0.0121",
        "logistic_regression logistic_regression library defaults 0.6288 ± 0.0098",
        "Train 2013-04-02 2013-05-17 46 41 950",
        "Holdout 2013-05-18 2013-05-31 14 12 874",
        "Decision 2013-06-01-7be1f0a2",
        "xgboost, version 4 9f2c41d7a0be",
        "file:///srv/store/flight_delay/models/9f2c41d7a0be/model.skops",
        "logistic_regression, version 3, as of 2013-05-20 11aa22bb33cc",
        "b1d0c6e2f94a4e1e9a53",
        "manual__2013-06-02T09:00:00+00:00 of flight_delay__retrain (manual, by admin)",
        "ab" * 20,
        "c4" * 32,
        "d5" * 32,
        "ef" * 32,
    ):
        assert evidence in text


def test_failed_gates_come_first_with_their_note() -> None:
    text = _text(render(decision(verdict="REJECT", gates=(*GATES, FAILED_GATE))))

    failed = (
        "Result ROC AUC: not too good to be true too good to be true: look for a feature that is not known at "
        "prediction time <= 0.64 0.6538 – ✗ fail"
    )
    assert failed in text
    assert text.count("✗ fail") == 1
    assert text.count("✓ pass") == len(GATES)
    assert "4 of 5 ROC AUC failed" in text


def test_both_curves_are_drawn_inside_the_plot() -> None:
    html = render(decision(measurements=MEASUREMENTS.model_copy(update={"calibration": {}})))

    lines = re.findall(r'<polyline points="([^"]+)"', html)
    points = [[tuple(map(float, pair.split(","))) for pair in line.split()] for line in lines]
    assert [len(line) for line in points] == [101, 101]
    assert all(line[0] == (0, 300) and line[-1] == (300, 0) for line in points)
    assert all(0 <= x <= 300 and 0 <= y <= 300 for line in points for x, y in line)
    assert 'aria-label="ROC curves: challenger, area 0.6538; champion, area 0.6391"' in html


def test_a_decision_without_champion_curves_or_cross_validation_is_shown() -> None:
    challenger = CHALLENGER.model_copy(update={"cv_mean": None, "cv_std": None, "version": "", "tracking_run_id": ""})
    judged = decision(champion=None, curves={}, others=(), challenger=challenger, baseline={})

    text = _text(render(judged))

    assert "No curve was recorded." in text
    assert "Champion none as of this day" in text
    assert "MLflow run not recorded" in text
    assert "no champion as of this day" in text


def test_a_champion_that_could_not_be_scored_is_said() -> None:
    unscored = CHAMPION.model_copy(update={"holdout": {}})

    text = _text(render(decision(champion=unscored, curves={"challenger": curve(0.5)})))

    assert "Champion, same holdout – could not be scored" in text


def test_hostile_text_stays_text() -> None:
    model = CHALLENGER.model_copy(update={"candidate": HOSTILE, "params": {HOSTILE: HOSTILE}, "model_uri": HOSTILE})
    gate = GateResult(kind="minimum", metric=HOSTILE, threshold=HOSTILE, value=1.0, passed=True, note=HOSTILE)
    plain, hostile = (
        render(decision()),
        render(
            decision(
                reason=HOSTILE,
                project=HOSTILE,
                decision_id=HOSTILE,
                challenger=model,
                gates=(gate, *GATES[1:]),
                origin=decision().origin.model_copy(update={"run_id": HOSTILE, "triggered_by": HOSTILE}),
            )
        ),
    )

    page = _Page(hostile)
    assert HOSTILE in page.text
    assert {"script", "img"}.isdisjoint(page.tags)
    assert sorted(set(page.tags)) == sorted(set(_Page(plain).tags))
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_page_fetches_nothing() -> None:
    page = _Page(html := render(decision()))

    assert {"script", "link", "img", "iframe", "object", "embed", "base", "form"}.isdisjoint(page.tags)
    assert {"src", "href", "srcset", "action", "poster"}.isdisjoint(name for name, _ in page.attributes)
    assert "url(" not in html and "@import" not in html
    assert not re.search(r"https?://", html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_the_page_suits_phones_darkness_and_paper_and_stays_small() -> None:
    points = [(step / 199, (step / 199) ** 0.5) for step in range(200)]
    others = tuple(OTHER.model_copy(update={"candidate_id": f"id{number}"}) for number in range(8))

    html = render(decision(others=others, curves={"challenger": points, "champion": points}))

    assert len(html.encode()) < 40_000
    for needed in ("width=device-width", "prefers-color-scheme: dark", "@media print", "max-width: 46rem"):
        assert needed in html


def test_a_gain_is_positive_when_the_challenger_is_better_whatever_the_metric() -> None:
    gains = {row.name: round(row.gain or 0, 4) for row in metric_rows(decision())}

    assert gains == {"roc_auc": 0.0147, "average_precision": 0.0129, "brier_score": -0.0007, "log_loss": 0.0046}
    assert next(iter(gains)) == "roc_auc"


def test_candidates_are_in_order_of_their_score_and_bars_fit() -> None:
    worse = ModelSummary(
        candidate="early", candidate_id="c3", estimator="xgboost", as_of=date(2013, 6, 1), cv_mean=0.6, cv_std=0.05
    )

    entries = tried(decision(others=(OTHER, worse)))

    assert [entry.model.candidate for entry in entries] == ["xgboost", "logistic_regression", "early"]
    assert [entry.chosen for entry in entries] == [True, False, False]
    assert all(0 <= entry.left <= entry.middle <= entry.left + entry.width <= 100.0001 for entry in entries)
    # of a loss, the lowest is the best
    lowest_first = tried(decision(primary_metric="log_loss", others=(OTHER, worse)))
    assert [entry.model.candidate for entry in lowest_first] == ["early", "logistic_regression", "xgboost"]


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (0.65384, "0.6538", "+0.6538"),
        (-0.5, "−0.5000", "−0.5000"),
        (None, "–", "–"),
        (float("nan"), "–", "–"),
        (float("inf"), "–", "–"),
    ],
)
def test_numbers_have_four_decimals_and_a_dash_where_there_is_none(
    value: float | None, plain: str, with_sign: str
) -> None:
    assert (number(value), signed(value)) == (plain, with_sign)


def test_intervals_of_challenger_and_champion_are_shown_where_there_are_any() -> None:
    sure = decision(
        challenger=CHALLENGER.model_copy(update={"interval": (0.6389, 0.66812)}),
        champion=CHAMPION.model_copy(update={"interval": (0.62, 0.65)}),
    )
    text = _text(render(sure))
    assert "0.6538 xgboost 95 %: 0.6389 to 0.6681" in text
    assert "0.6391 challenger +0.0147 95 %: 0.6200 to 0.6500" in text
    assert "The 95 % interval of ROC AUC, 0.6389 to 0.6681, is found by drawing whole days" in text
    assert "95 %" not in _text(render(decision()))

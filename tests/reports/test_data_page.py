"""The page of a window's data shows every feature in both parts, what stands out first, and needs no network."""

from __future__ import annotations

import re
from typing import Any

import pytest

from include.domain.explanation import DataProfile, FeatureProfile
from include.reports.data_report import (
    HEIGHT,
    WIDTH,
    data_notes,
    histogram,
    render_data,
    shift_word,
    target_plot,
    target_shift,
)
from tests.reports.decisions import decision
from tests.reports.explanations import NUMBERS, bell, profile
from tests.reports.reading import Page, text_of

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def changed(**changes: Any) -> DataProfile:
    """Return the sample profile, with `changes`."""
    return profile().model_copy(update=changes)


def test_what_stands_out_is_said_first() -> None:
    assert [note.replace("\u00a0", " ") for note in data_notes(profile())] == [
        "Spread differently in the holdout, by population stability index: dest_latitude (large, 0.59), plane_seats "
        "(large, 0.45), plane_built (large, 0.32), origin_airport (large, 0.31), flights_same_hour (moderate, 0.21), "
        "and 3 more.",
        "2 of 14 features lack values, most of all dest_longitude: 14.0 % of the train part, 28.0 % of the holdout.",
        "Missing in one part far more often than in the other: dest_longitude and flights_same_hour.",
        "A small model tells rows of the holdout from those of the train part with ROC AUC 0.6312, so something "
        "differs.",
        "Positives are 23.0 % of the train part and 24.7 % of the holdout.",
    ]


def test_a_quiet_window_is_said_to_be_quiet() -> None:
    plain = tuple(f for f in profile().features if f.psi < 0.1 and not f.missing["train"])
    assert data_notes(changed(features=plain, adversarial_auc=0.51, days=())) == [
        f"No feature of {len(plain)} is spread differently in the holdout.",
        "No value is missing.",
        "A small model tells rows of the holdout from those of the train part with ROC AUC 0.5100, so they are much "
        "alike.",
    ]
    assert data_notes(None) == []
    assert target_shift(changed(days=profile().days[:10])) == ""


@pytest.mark.parametrize(
    ("psi", "word"), [(0.0, "small"), (0.0999, "small"), (0.1, "moderate"), (0.2499, "moderate"), (0.25, "large")]
)
def test_the_rule_of_thumb_of_the_stability_index(psi: float, word: str) -> None:
    assert shift_word(psi) == word


def test_a_histogram_has_both_parts_on_one_scale() -> None:
    feature = FeatureProfile(
        name="age",
        kind="numeric",
        missing={"train": 0.2, "holdout": 0.0},
        edges=(0.0, 10.0, 20.0),
        train=(0.6, 0.2),
        holdout=(0.25, 0.75),
        psi=0.5,
    )
    first, second = histogram(feature)
    assert (first.x, first.width, second.x) == (0, WIDTH / 2, WIDTH / 2)
    assert second.holdout == HEIGHT
    assert first.train == pytest.approx(HEIGHT * 0.6 / 0.75, abs=0.01)
    assert second.text.replace("\u00a0", " ") == "10 to 20: 20.0 % of the train part, 75.0 % of the holdout"


def test_the_target_is_drawn_by_day_with_both_parts() -> None:
    plot = target_plot(profile().days)
    assert plot is not None
    assert [(line.text, len(line.dots)) for line in plot.lines] == [("train part", 46), ("holdout", 14)]
    assert plot.label.replace("\u00a0", " ") == (
        "Share of positives by day, 2013-04-02 to 2013-05-31; on average 23.4 %"
    )
    assert target_plot(profile().days[:1]) is None


def test_the_page_holds_every_feature_the_most_shifted_first() -> None:
    html = render_data(decision(), profile())
    text = text_of(html)

    shown = re.findall(r'<article id="feature-\d+">\s*<h3>([^<]+)</h3>', html)
    assert shown[:3] == ["dest_latitude", "plane_seats", "plane_built"]
    assert shown[-3:] == ["origin_airport", "airline", "dest_airport"]
    assert sorted(shown) == sorted(feature.name for feature in profile().features)
    assert html.count('role="img"') == len(NUMBERS) + 1
    for said in (
        "The data behind the decision of flight_delay as of 2013-06-01",
        "dest_longitude 0.0000 small 14.0 % 28.0 %",
        "2013-05-09 train 917 32.2 %".replace("32.2", f"{100 * profile().days[37].positive_rate:.1f}"),
        "UA 28.0 % 22.0 % B6",
        "2 arrival_minute 0.54 1.00",
        "5 plane_built – – – – 1.00 –",
        "Measured on 20 000 random rows of the window.",
        "0.6312 ROC AUC; 0.5 is not at all; on 5 000 rows of each part",
    ):
        assert said in text


def test_what_was_not_measured_is_left_out() -> None:
    html = render_data(decision(), changed(correlated=(), correlation=(), adversarial_auc=None, days=()))

    assert re.findall(r'<section id="(\w+)"', html) == ["shift", "features"]
    assert re.findall(r'<a href="#(shift|features|target|correlation)"', html) == ["shift", "features"]
    assert "Telling the parts apart" not in html


def test_hostile_names_stay_text_and_the_page_fetches_nothing() -> None:
    number = profile().features[0].model_copy(update={"name": HOSTILE})
    category = profile().features[-1].model_copy(update={"name": HOSTILE, "categories": (HOSTILE,) * 7})
    html = render_data(
        decision(project=HOSTILE), changed(features=(number, category), correlated=(HOSTILE,), correlation=((1.0,),))
    )
    page = Page(html)

    assert page.text.count(HOSTILE) >= 10
    assert {"script", "img", "link", "iframe", "form", "base"}.isdisjoint(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert [link for link in page.values("href") if not link.startswith("#")] == ["report.html"]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert not re.search(r"https?://|url\(|@import", html)


def test_a_wide_window_stays_small() -> None:
    many = tuple(
        profile().features[0].model_copy(update={"name": f"feature_{at}", "holdout": bell(at / 100)})
        for at in range(100)
    )
    names = tuple(feature.name for feature in many)
    matrix = tuple(tuple(0.5 for _ in names) for _ in names)

    html = render_data(decision(), changed(features=many, correlated=names, correlation=matrix))

    assert len(html.encode()) < 3_000_000

"""The page of the record shows every number in words, escapes what it is given, and needs no network."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from include.domain.decision import LedgerEntry
from include.domain.results import Origin
from include.reports.history_page import in_production, render, summary
from tests.reports.nights import walked

NOW = datetime(2014, 1, 2, 9, 30, tzinfo=UTC)
MIXED: list[Any] = ["PROMOTE", "HOLD", "REJECT", "PROMOTE"]
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def in_force(version: str, candidate_id: str, as_of: date) -> LedgerEntry:
    """Return the ledger's entry of a champion."""
    return LedgerEntry(
        number=3,
        kind="promotion",
        project="shop",
        as_of=as_of,
        made_at=NOW,
        verdict="PROMOTE",
        reason="better",
        decision_id="d",
        decision_uri="",
        candidate="xgboost",
        candidate_id=candidate_id,
        version=version,
        origin=Origin(run_id="r"),
    )


def _text(html: str) -> str:
    body = re.sub(r"(?s)<(style|title)\b.*?</\1>", " ", html)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_record_is_summed_up_in_words() -> None:
    assert summary(walked(MIXED)) == "4 nights, 2013-04-01 to 2013-04-04: 2 promoted, 1 held, 1 rejected."
    assert summary(walked(["HOLD"])) == "One night, 2013-04-01: 0 promoted, 1 held, 0 rejected."


@pytest.mark.parametrize(
    ("verdicts", "champion", "said"),
    [
        (
            MIXED,
            in_force("1", "xgboost-1", date(2013, 4, 1)),
            "This is a what-if, which would have ended with version 4 of 2013-04-04; the champion in production is "
            "version 1 of 2013-04-01.",
        ),
        (
            MIXED,
            None,
            "This is a what-if, which would have ended with version 4 of 2013-04-04; there is no champion in "
            "production.",
        ),
        # one candidate may have another number there
        (
            MIXED,
            in_force("9", "xgboost-4", date(2013, 4, 4)),
            "This is a what-if; it ends with the champion in production, version 9 of 2013-04-04.",
        ),
        (
            ["HOLD"],
            in_force("1", "xgboost-1", date(2013, 4, 1)),
            "This is a what-if, by which no model would have been promoted; the champion in production is version 1 "
            "of 2013-04-01.",
        ),
    ],
)
def test_the_record_is_a_what_if_and_names_the_champion_in_production(
    verdicts: list[Any], champion: LedgerEntry | None, said: str
) -> None:
    assert in_production(walked(verdicts), champion) == said
    text = _text(render("shop", walked(verdicts), NOW, champion))
    assert said in text
    assert not re.search("is in force|in force at the end", text, re.I)


def test_the_table_holds_every_number_newest_first() -> None:
    nights = walked(MIXED)
    nights[1] = nights[1].model_copy(update={"rolled_back": "rolled back by ada: wrong"})
    html = render("shop", nights, NOW, None)
    text = _text(html)
    assert "made: 2014-01-02 09:30 UTC" in text
    rows = [_text(row) for row in re.findall(r"(?s)<tr>\s*<th scope=\"row\">.*?</tr>", html)]
    assert rows == [
        "2013-04-04 PROMOTE 0.6800 0.6600 to 0.7100 0.6750 version 1 +0.0050 4 of 2013-04-04 reason of 4 "
        "#13 HOLD a backfill promotes nothing",
        "2013-04-03 REJECT 0.6700 0.6500 to 0.7000 0.6650 version 1 +0.0050 1 of 2013-04-01 reason of 3 "
        "#12 HOLD a backfill promotes nothing",
        "2013-04-02 HOLD 0.6600 0.6400 to 0.6900 0.6550 version 1 +0.0050 1 of 2013-04-01 reason of 2 "
        "rolled back by ada: wrong #11 HOLD a backfill promotes nothing",
        "2013-04-01 PROMOTE 0.6500 0.6300 to 0.6800 – none – 1 of 2013-04-01 reason of 1 "
        "#10 HOLD a backfill promotes nothing",
    ]


def test_what_could_not_be_measured_is_a_dash() -> None:
    nothing = {"value": None, "interval": None, "champion_value": None, "gain": None, "in_force": None}
    html = render("shop", walked(["HOLD"], **nothing), NOW, None)
    assert "2013-04-01 HOLD – no interval – none – none reason of 1" in _text(html)
    assert "95 % interval" not in html


def test_the_links_lead_from_where_the_page_is_kept_to_the_reports() -> None:
    html = render("shop", walked(MIXED), NOW, None)
    assert re.findall(r'<a href="([^"]+)"', html) == [
        f"../decisions/2013-04-0{day}-abc{day}/report.html" for day in (4, 3, 2, 1)
    ]


def test_each_verdict_has_a_shape_of_its_own_and_a_text() -> None:
    nights = walked(MIXED)
    nights[3] = nights[3].model_copy(update={"rolled_back": "rolled back by ada"})
    html = render("shop", nights, NOW, None)
    plot = html[html.index('<svg class="area"') : html.index("</figure>")]
    titles = re.findall(r'<g class="(\w+)"><title>([^<]+)</title>', plot)
    assert [kind for kind, _ in titles] == MIXED
    assert titles[1][1] == (
        "2013-04-02, xgboost: HOLD; ROC AUC 0.6600 (0.6400 to 0.6900); champion version 1 of 2013-04-01: 0.6550"
    )
    assert titles[3][1].endswith("; rolled back by ada")
    marks = re.findall(r'<use href="#(\w+)" x', plot)
    assert [mark for mark in marks if mark in MIXED] == MIXED
    assert (marks.count("champion"), marks.count("undone")) == (3, 1)
    shapes = re.findall(r'<g id="(PROMOTE|HOLD|REJECT)"><(\w+) class="(\w+)"', html)
    assert len({(tag, look) for _, tag, look in shapes}) == 3
    described = re.search(r'<desc id="plot-desc">([^<]+)</desc>', plot)
    assert described is not None
    assert described.group(1).startswith("4 nights, 2013-04-01 to 2013-04-04")


def test_the_page_is_escaped_and_fetches_nothing() -> None:
    html = render(
        "shop", walked(MIXED, reason=HOSTILE, rolled_back=HOSTILE, version=HOSTILE, candidate=HOSTILE), NOW, None
    )
    assert "<script" not in html
    assert "<img" not in html
    assert "default-src 'none'" in html
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")
    assert re.findall(r'href="(?!#|\.\./decisions/)', html) == []

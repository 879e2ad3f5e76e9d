"""The comment on a pull request: complete, short enough for GitHub, and harmless whatever the data holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from include.domain.decision import LedgerEntry
from include.domain.results import Origin
from include.reports.markdown import MAX_CHARACTERS, comment, defused, fitted, no_decision
from tests.reports.decisions import FAILED_GATE, GATES, decision
from tests.reports.evidence import full

HOSTILE = (
    "@acme/everyone see https://evil.example www.evil.example mail@evil.example #1 GH-7 owner/name#12 "
    "<img src=x onerror=alert(1)> [here](http://evil) ![x](http://evil/x.png) <!-- x --> | a | `b` $x$ &lt; "
    "\u202eabc\n# big"
)
ENTRY = LedgerEntry(
    number=7,
    kind="decision",
    project="flight_delay",
    as_of=date(2013, 6, 1),
    made_at=datetime(2013, 6, 2, tzinfo=UTC),
    verdict="HOLD",
    reason="a newer champion was there first",
    decision_id="2013-06-01-7be1f0a2",
    decision_uri="s3://store/decision.json",
    report_uri="s3://store/report.html",
    candidate="xgboost",
    candidate_id="9f2c41d7a0be",
    origin=Origin(run_id="r"),
)


class Tags(HTMLParser):
    """Collect the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags(markdown: str) -> Tags:
    """Render as GitHub does: tables, raw HTML, and addresses made links."""
    parser = Tags()
    parser.feed(MarkdownIt("gfm-like").render(markdown))
    return parser


def test_the_verdict_comes_first_then_gates_champion_groups_and_where_to_look() -> None:
    text = comment(full(verdict="PROMOTE", gates=GATES))
    lines = text.splitlines()
    assert lines[0] == "### flight_delay: PROMOTE, as of 2013-06-01"
    assert lines[2] == "**PROMOTE**: roc_auc is better than the champion's by 0.0147, more than 0.002."
    titles = [line for line in lines if re.fullmatch(r"\*\*[A-Z][^*]*\*\*", line)]
    assert titles == [
        "**Gates: 4 of 4 passed**", "**Compared with the champion**", "**Groups**", "**Where to look**",
    ]  # fmt: skip
    assert "| ROC AUC | 0.6538 | 0.6391 | +0.0147 | 0.5000 |" in lines
    assert "| High enough | ROC AUC | >= 0.58 | 0.6538 | passed |" in lines
    assert "- **Judged on:** 12 874 rows of 2013-05-18 to 2013-05-31" in lines
    assert "- Likely served worse: origin_airport LGA (ROC AUC −0.0351)." in lines
    assert {"table", "strong", "h3", "li"} <= tags(text).found


def test_closed_gates_come_before_the_passed_ones() -> None:
    rows = [
        line for line in comment(decision(verdict="REJECT", gates=(*GATES, FAILED_GATE))).splitlines() if "|" in line
    ]
    assert rows[2].startswith("| Not too good to be true | ROC AUC | \\<= 0.64 | 0.6538 | REJECT: too good to be true")


def test_what_the_ledger_says_wins_over_the_evidence() -> None:
    text = comment(decision(), ENTRY)
    assert text.startswith("### flight_delay: HOLD, as of 2013-06-01\n\n**HOLD**: a newer champion was there first.")
    assert "- **Decision:** 7, 2013-06-01-7be1f0a2" in text
    assert "- **Report:** s3:\u200b//store/report.html" in text


def test_a_first_model_has_no_champion() -> None:
    assert "There is no champion yet." in comment(decision(champion=None))


@pytest.mark.parametrize(("commit", "told"), [("", False), ("a" * 40, False), ("b" * 40, True)])
def test_a_decision_of_another_commit_says_so(commit: str, told: bool) -> None:
    made = decision(origin=Origin(run_id="r", git_commit="a" * 40))
    text = comment(made, commit=commit)
    assert ("Commit bbbbbbbbbbbb led to no decision of its own" in text) is told


def test_a_night_without_a_decision_is_told() -> None:
    assert no_decision("shop", "c" * 40) == (
        "### shop: no decision\n\n"
        "The night of cccccccccccc made no decision: it failed before, and its log tells why.\n"
    )


@pytest.mark.parametrize("place", ["reason", "note", "candidate", "unit", "entry"])
def test_nothing_that_data_brings_is_markup_or_a_message_to_anybody(place: str) -> None:
    made = full()
    if place == "reason":
        made = made.model_copy(update={"reason": HOSTILE})
    elif place in ("note", "unit"):
        made = made.model_copy(update={"gates": (FAILED_GATE.model_copy(update={place: HOSTILE}),)})
    elif place == "candidate":
        named = made.challenger.model_copy(update={"candidate": HOSTILE, "tracking_run_id": HOSTILE})
        made = made.model_copy(update={"challenger": named, "verdict": "REJECT"})
    text = comment(
        made, ENTRY.model_copy(update={"reason": HOSTILE, "report_uri": HOSTILE}) if place == "entry" else None
    )
    assert defused(text) == text
    seen = tags(text)
    assert "evil" in text
    assert seen.found <= {"h3", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert seen.attributes <= {"style"}
    assert not re.search(r"@\w|#\d|GH-\d|www\.\w|https?:|(?<!\\)\$|\u202e", text)


def test_a_comment_that_would_be_too_long_is_cut_between_lines_and_says_so() -> None:
    gates = tuple(FAILED_GATE.model_copy(update={"metric": f"group_{n}", "note": "x" * 5000}) for n in range(500))
    text = comment(decision(verdict="REJECT", gates=gates))
    assert len(text) < MAX_CHARACTERS + 2000
    assert text.startswith("### flight_delay: REJECT")
    assert re.search(r"\n\(\d+ more lines are left out; the report has them\.\)\n$", text)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    assert "x" * 500 not in text


def test_short_lines_are_kept_as_they_are() -> None:
    assert fitted(["a", "", "b", ""], 100) == "a\n\nb\n"
    assert defused("ROC AUC 0.65 at 12:30, a@ b") == "ROC AUC 0.65 at 12:30, a@ b"

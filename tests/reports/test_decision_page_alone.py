"""The decision's page stands alone: it asks for nothing, runs nothing, escapes what it is given, and stays small."""

from __future__ import annotations

import re

import pytest

from include.domain.decision import GateResult
from include.domain.explanation import Curves, ErrorAnalysis, Explanation, Importance
from include.reports.decision_page import render
from tests.reports.decisions import CHALLENGER, OTHER
from tests.reports.evidence import FULL, full
from tests.reports.explanations import explanation
from tests.reports.reading import Page

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_hostile_text_stays_text() -> None:
    model = CHALLENGER.model_copy(update={"candidate": HOSTILE, "params": {HOSTILE: HOSTILE}, "model_uri": HOSTILE})
    nasty = GateResult(kind="minimum", metric=HOSTILE, threshold=HOSTILE, value=1.0, passed=True, note=HOSTILE)
    groups = tuple(group.model_copy(update={"column": HOSTILE, "group": HOSTILE}) for group in FULL.groups[:1])
    mean = Explanation(
        importance=(Importance(feature=HOSTILE, challenger=0.1),),
        errors=ErrorAnalysis(
            slices=(explanation().errors.slices[0].model_copy(update={"rule": HOSTILE}),),
            worst=(explanation().errors.worst[0].model_copy(update={"features": {HOSTILE: HOSTILE}}),),
        ),
    )
    plain = render(full(), explanation())
    hostile = render(
        full(
            project=HOSTILE,
            reason=HOSTILE,
            challenger=model,
            others=(OTHER.model_copy(update={"candidate": HOSTILE}),),
            gates=(nasty,),
            measurements=FULL.model_copy(update={"groups": groups}),
        ),
        mean,
    )

    page = Page(hostile)
    assert page.text.count(HOSTILE) > 12
    assert {"script", "img"}.isdisjoint(page.tags)
    assert set(page.tags) <= set(Page(plain).tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]


@pytest.mark.parametrize("explained", [True, False])
def test_the_page_fetches_nothing_and_links_only_to_what_lies_beside_it(explained: bool) -> None:
    page = Page(html := render(full(), explanation() if explained else None))

    assert {"script", "link", "img", "iframe", "object", "embed", "base", "form"}.isdisjoint(page.tags)
    assert {"src", "srcset", "action", "poster"}.isdisjoint(name for name, _ in page.attributes)
    beside = [link for link in page.values("href") if not link.startswith("#")]
    explains = ["data.html", "model_card.md", "decision.json", "explanation.json"]
    assert beside == (explains if explained else ["decision.json"])
    assert "url(" not in html and "@import" not in html
    assert not re.search(r"https?://", html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_the_page_suits_phones_darkness_and_paper_and_stays_small() -> None:
    points = [(step / 199, (step / 199) ** 0.5) for step in range(200)]
    others = tuple(OTHER.model_copy(update={"candidate_id": f"id{number}"}) for number in range(8))

    drawn = Curves(roc=tuple(points), precision_recall=tuple(points))
    explained = explanation().model_copy(update={"curves": {"challenger": drawn, "champion": drawn}})
    html = render(full(others=others), explained)

    assert len(html.encode()) < 100_000
    for needed in ("width=device-width", "prefers-color-scheme: dark", "@media print", "max-width: 46rem"):
        assert needed in html

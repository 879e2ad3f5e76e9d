"""A browser shows the pages on a desk and on a phone, light and dark, alone and without a fault; axe finds none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.reports import history_page
from include.reports.data_report import render_data
from include.reports.decision_page import render
from tests.reports.decisions import decision, declared
from tests.reports.evidence import ALL_GATES, FULL
from tests.reports.explanations import explanation, profile
from tests.reports.nights import walked
from tests.reports.test_decision_states import STATES
from tests.support.browser import browser_path

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: ./nightshift test brings it"
)
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
AXE_SCRIPT = Path(axe.__file__).with_name("axe.min.js")
VERDICTS: list[Any] = ["PROMOTE", "HOLD", "REJECT", "PROMOTE", "HOLD"]
REJECTED = decision(verdict="REJECT", measurements=FULL, gates=ALL_GATES)
PAGES = {
    "decision": lambda: render(REJECTED, explanation(), declared()),
    "first decision": lambda: render(STATES["a first night"].decision),
    "the champion itself": lambda: render(STATES["the champion itself fails"].decision, explanation(), declared()),
    "data": lambda: render_data(REJECTED, profile()),
    "history": lambda: history_page.render("shop", walked(VERDICTS * 2), datetime(2014, 1, 2, tzinfo=UTC), None),
}
DESK, PHONE = 1280, 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser: the one of the machine, or the one that playwright brought."""
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=browser_path(running), args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all pages."""
    made = tmp_path_factory.mktemp("pages")
    for name, page in PAGES.items():
        (made / f"{name}.html").write_text(page(), encoding="utf-8")
    return made


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Return a way to open a page; what it asks for and what it complains of is kept beside it."""
    contexts = []

    def open_page(file: Path, width: int, scheme: str, unfold: bool = True) -> tuple[Any, list[str], list[str]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        page.evaluate(f"document.querySelectorAll('details').forEach(each => {{ each.open = {str(unfold).lower()} }})")
        return page, asked, complaints

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(16, 21, 28)")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_screen_asks_for_nothing_and_complains_of_nothing(
    opened: Any, folder: Path, name: str, scheme: str, background: str
) -> None:
    file = folder / f"{name}.html"
    page, asked, complaints = opened(file, DESK, scheme)
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
    assert asked == [file.as_uri()]
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
@pytest.mark.parametrize("name", ["decision", "first decision", "data", "history"])
def test_axe_finds_nothing_serious(opened: Any, folder: Path, name: str, width: int, scheme: str) -> None:
    page, _, _ = opened(folder / f"{name}.html", width, scheme)
    page.evaluate(AXE_SCRIPT.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")

    assert len(found["passes"]) > 10
    serious = [
        (each["id"], node["target"], node["failureSummary"])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


def test_on_a_phone_the_rows_of_a_table_become_cards_as_wide_as_the_screen(opened: Any, folder: Path) -> None:
    page, _, _ = opened(folder / "decision.html", PHONE, "light")

    widths = page.evaluate(
        "[...document.querySelectorAll('.stack tbody th[scope=row]')].map(each => each.getBoundingClientRect().width)"
    )
    assert len(widths) > 50
    assert min(widths) > PHONE * 0.8


def test_on_paper_all_is_black_on_white_and_unfolded_though_the_screen_is_dark(opened: Any, folder: Path) -> None:
    page, _, _ = opened(folder / "decision.html", DESK, "dark", unfold=False)
    height = "document.querySelector('details table').getBoundingClientRect().height"
    visible = "document.querySelector('details table').checkVisibility({contentVisibilityAuto: true})"
    assert page.evaluate(visible) is False

    page.emulate_media(media="print")

    colours = "(() => { const of = getComputedStyle(document.body); return [of.color, of.backgroundColor] })()"
    assert page.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate(visible) is True
    assert page.evaluate(height) > 50

"""The pages show a namespace beside production, each with its own decisions, under `namespace.project`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from include.domain.names import register
from include.io import keys
from include.io.stores import open_store
from tests.airflow_fixtures import write_decision
from tests.plugins.test_pages import RUN, RUN_ID, application, store_url, stranger, viewer

__all__ = ["application", "store_url", "stranger", "viewer"]

HERE, THERE = "<body><h1>production</h1></body>", "<body><h1>the pull request</h1></body>"


@pytest.fixture
def decided(store_url: str, home: Path) -> str:
    """Return production's store: it and namespace pr-1 have a decision of a run of the same id."""
    register(home, "pr-1")
    write_decision(store_url, "shop", run_id=RUN_ID, report=HERE)
    there = f"{store_url}/namespace=pr-1"
    write_decision(there, "shop", run_id=RUN_ID, verdict="REJECT", report=THERE)
    # `write_decision` names production's Dag: a night of a namespace names its own
    ledger = open_store(there)
    for listed in list(ledger.list(keys.ledger_prefix("shop"))):
        ledger.put(listed.key, ledger.get(listed.key).replace(b'"shop__retrain"', b'"pr-1.shop__retrain"'))
    return store_url


def opened(viewer: Any, page: str) -> Any:
    return viewer.get(f"/nightshift/{page}", follow_redirects=True)


@pytest.mark.parametrize(("dag_id", "report"), [("shop__retrain", HERE), ("pr-1.shop__retrain", THERE)])
def test_the_decision_tab_of_a_run_shows_that_of_its_namespace(
    viewer: Any, decided: str, dag_id: str, report: str
) -> None:
    page = opened(viewer, f"decision/{dag_id}/{RUN}")
    assert page.status_code == 200
    assert report.removeprefix("<body>") in page.text
    shown = "pr-1.shop" if "pr-1" in dag_id else "shop"
    assert page.url.path == f"/nightshift/project/{shown}/decisions/{page.url.path.split('/')[-2]}/report.html"
    targets = re.findall(r'<a [^>]*href="([^"]*)"', page.text[: page.text.index("<h1>")])
    assert targets == ["/nightshift/", f"/nightshift/project/{shown}", f"/nightshift/data-docs/{shown}/index.html"]


def test_the_models_page_lists_both(viewer: Any, decided: str) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", opened(viewer, "").text)[1:]
    named = {re.findall(r'href="/nightshift/project/([^"]*)"', row)[0]: row for row in rows}
    # of a namespace only what has decided something
    assert list(named) == ["bank", "shop", "pr-1.shop"]
    assert ("version 1" in named["shop"], "none yet" in named["pr-1.shop"]) == (True, True)
    assert "/nightshift/project/pr-1.shop/decisions/1" in named["pr-1.shop"]
    assert "REJECT" in named["pr-1.shop"]


@pytest.mark.parametrize("page", ["project/pr-1.shop", "dag/pr-1.shop__retrain", "dag/pr-1.shop__score"])
def test_the_decisions_of_a_namespace(viewer: Any, decided: str, page: str) -> None:
    text = opened(viewer, page).text
    assert "Decisions of pr-1.shop" in text
    assert (">REJECT<" in text, ">PROMOTE<" in text) == (True, False)
    assert opened(viewer, "project/pr-1.shop/decisions/1").text.endswith(THERE.removeprefix("<body>"))


def test_what_is_not_there_yet_says_how_it_begins(viewer: Any, decided: str) -> None:
    text = opened(viewer, "project/pr-1.bank").text
    assert "trigger pr-1.bank__retrain, or ./nightshift run bank --namespace pr-1" in text
    assert opened(viewer, "project/pr-1.none").status_code == 404


def test_data_docs_are_those_of_the_namespace(viewer: Any, decided: str) -> None:
    open_store(f"{decided}/namespace=pr-1").put(keys.data_docs("shop"), b"<body><h1>docs</h1></body>")
    assert "<h1>docs</h1>" in opened(viewer, "run-data-docs/pr-1.shop__retrain").text
    assert "No Data Docs yet" in opened(viewer, "run-data-docs/shop__retrain").text

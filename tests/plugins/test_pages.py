"""Ask for Nightshift's pages as a browser does, through Airflow's own application and its login."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger
from include.io.stores import open_store
from tests.airflow_fixtures import airflow_database, write_decision, write_project

RUN_ID = "manual__2013-04-02T03:15:00+00:00"
RUN = quote(RUN_ID)
BROWSER = {"accept": "text/html"}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return Airflow's API application with our plugins, and a viewer who may log in."""
    passwords = tmp_path_factory.mktemp("auth") / "passwords.json"
    passwords.write_text(json.dumps({"vera": "secret"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "vera:viewer")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        airflow_database()
        from airflow.api_fastapi.app import create_app

        yield create_app(apps="core")


@pytest.fixture
def store_url(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the store of a home with the projects `shop` and `bank`."""
    write_project(home / "projects", "shop")
    write_project(home / "projects", "bank")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    return f"file://{home / 'store'}"


@pytest.fixture
def stranger(application: Any) -> Any:
    """Return a browser that is not logged in."""
    from fastapi.testclient import TestClient

    return TestClient(application, follow_redirects=False)


@pytest.fixture
def viewer(stranger: Any) -> Any:
    """Return a browser that is logged in as a viewer."""
    answer = stranger.post("/auth/token", json={"username": "vera", "password": "secret"})
    assert answer.status_code == 201, answer.text
    stranger.cookies.set("_token", answer.json()["access_token"])
    return stranger


def _open(viewer: Any, page: str) -> Any:
    """Return the answer that a browser ends at."""
    return viewer.get(f"/nightshift/{page}", follow_redirects=True)


PAGES = [
    "/nightshift/",
    "/nightshift/project/shop",
    "/nightshift/project/shop/decisions/1",
    "/nightshift/project/shop/decisions/d-1/report.html",
    "/nightshift/project/shop/history/history.html",
    "/nightshift/dag/shop__retrain",
    f"/nightshift/decision/shop__retrain/{RUN}",
    f"/nightshift/mlflow/shop__retrain/{RUN}",
    "/nightshift/run-data-docs/shop__retrain",
    "/nightshift/data-docs/shop/index.html",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_the_login_and_sees_nothing(stranger: Any, store_url: str, page: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    answer = stranger.get(page, headers=BROWSER)
    assert answer.status_code in (302, 307)
    assert answer.headers["location"].startswith("/auth/login?next=")
    assert "because" not in answer.text
    assert stranger.get(page).status_code == 401


def test_the_projects(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    page = viewer.get("/nightshift/", headers=BROWSER)
    assert page.status_code == 200
    assert 'href="/nightshift/project/shop"' in page.text
    assert "version 1" in page.text
    assert "as of 2013-04-01" in page.text
    assert "because of the gates" in page.text
    assert "no decision yet: trigger bank__retrain, or ./nightshift run bank" in page.text


def test_a_broken_project_keeps_its_champion_on_the_page(viewer: Any, store_url: str, home: Path) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    (home / "projects" / "shop" / "README.md").write_bytes(b"\xff <b>")
    text = viewer.get("/nightshift/", headers=BROWSER).text
    assert "version 1" in text
    assert "because of the gates" in text
    assert "BROKEN" in text
    assert "shop/README.md: cannot be read; got: not UTF-8" in text
    assert text.count("BROKEN") == 1  # bank is not
    assert viewer.get("/nightshift/project/shop").status_code == 200
    assert viewer.get("/nightshift/project/shop/decisions/d-run/report.html").status_code == 404


def test_a_damaged_ledger_is_said_on_its_own_line(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "bank", run_id=RUN_ID)
    open_store(store_url).put(keys.ledger_entry("shop", 1), b"{")
    page = viewer.get("/nightshift/", headers=BROWSER)
    assert page.status_code == 200
    assert "version 1" in page.text
    assert page.text.count("BROKEN") == 1
    assert "ledger/00000001.json" in page.text


@pytest.mark.parametrize("page", ["/nightshift/project/shop", "/nightshift/dag/shop__retrain"])
def test_the_decisions_of_a_project(viewer: Any, store_url: str, page: str) -> None:
    write_decision(store_url, "shop", run_id="first")
    write_decision(store_url, "shop", run_id="second", verdict="REJECT")
    text = viewer.get(page).text
    assert text.index("/decisions/3") < text.index("/decisions/1")
    assert "/decisions/2" not in text  # the promotion


def _act(store_url: str, kind: str, **changes: Any) -> None:
    """Write what a person did to the champion into the ledger, as the commands do."""
    ledger = Ledger(open_store(store_url), "shop")
    champion = ledger.champion()
    assert champion is not None
    origin = Origin(run_id="local", triggered_by="ada <b>")
    fields = {"kind": kind, "verdict": None, "origin": origin, **changes}
    ledger.append(lambda number, _: champion.model_copy(update={"number": number, **fields}))


def test_what_people_did_is_part_of_a_projects_story(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    _act(store_url, "promotion", version="2", candidate_id="c2", reason="the numbers <i>of May</i> are right")
    _act(store_url, "rollback", version="1", candidate_id="c1", reason="late parcels")
    _act(store_url, "pin", reason="audit week")
    text = viewer.get("/nightshift/project/shop").text
    rows = re.findall(r"<tr>(.*?)</tr>", text)[1:]
    assert [re.findall(r">#(\d+)<", row)[0] for row in rows] == ["5", "4", "3", "1"]
    assert [re.findall(r'class="verdict \w+">([A-Z ]+)<', row)[0] for row in rows] == [
        "PIN",
        "ROLLBACK",
        "BY HAND",
        "PROMOTE",
    ]
    assert "version 1, by ada &lt;b&gt;: audit week" in rows[0]
    assert "version 2, by ada &lt;b&gt;: the numbers &lt;i&gt;of May&lt;/i&gt; are right" in rows[2]
    assert "local by ada &lt;b&gt;" in rows[2]
    assert "<i>" not in text and "<b>" not in text
    assert _open(viewer, "project/shop/decisions/4").text == "<h1>report</h1>"
    for page in ("/nightshift/", "/nightshift/project/shop"):
        text = viewer.get(page).text
        assert "rollback, by ada" in text
        assert re.search(r">PIN</span> <span[^>]*>by ada &lt;b&gt;: audit week<", text)
    _act(store_url, "unpin", reason="over")
    assert ">PIN</span>" not in viewer.get("/nightshift/").text


def test_the_decision_of_a_run(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id="another", report="<h1>another</h1>")
    write_decision(store_url, "shop", run_id=RUN_ID, report="<h1>this one</h1>")
    page = _open(viewer, f"decision/shop__retrain/{RUN}")
    assert page.status_code == 200
    assert page.text == "<h1>this one</h1>"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy


def test_stored_pages_get_the_way_back(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID, report="<html><body><h1>report</h1></body></html>")
    open_store(store_url).put(keys.data_docs("shop"), b"<body><h1>docs</h1></body>")
    for page in (f"decision/shop__retrain/{RUN}", "project/shop/decisions/1", "data-docs/shop/index.html"):
        text = _open(viewer, page).text
        targets = re.findall(r'<a [^>]*href="([^"]*)"', text[: text.index("<h1>")])
        assert targets == ["/nightshift/", "/nightshift/project/shop", "/nightshift/data-docs/shop/index.html"]


def test_a_numbered_decision(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    assert _open(viewer, "project/shop/decisions/1").text == "<h1>report</h1>"
    assert "no entry 9" in viewer.get("/nightshift/project/shop/decisions/9").text


def test_what_lies_beside_a_report_is_read_as_what_it_is(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    report = _open(viewer, f"decision/shop__retrain/{RUN}").url.path
    decision_id = report.split("/")[-2]
    store = open_store(store_url)
    store.put(keys.data_report("shop", decision_id), b"<body><h1>the data</h1></body>")
    store.put(keys.model_card("shop", decision_id), b"# Card of <b>shop</b>")
    store.put(keys.decision_explanation("shop", decision_id), b"{}")
    store.put(keys.decision_document("shop", decision_id, "secret.txt"), b"no")
    data = viewer.get(urljoin(report, "data.html"))
    assert "<h1>the data</h1>" in data.text
    assert 'href="/nightshift/project/shop"' in data.text
    card = viewer.get(urljoin(report, "model_card.md"))
    assert (card.text, card.headers["content-type"]) == ("# Card of <b>shop</b>", "text/plain; charset=utf-8")
    for name in ("decision.json", "explanation.json"):
        assert viewer.get(urljoin(report, name)).headers["content-type"] == "application/json"
    assert viewer.get(urljoin(report, "secret.txt")).status_code == 404


def test_the_history_and_its_links(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id="night", report="<body><h1>that night</h1></body>")
    address = "/nightshift/project/shop/history/history.html"
    assert "./nightshift history shop writes the page" in viewer.get(address).text
    assert address not in viewer.get("/nightshift/project/shop").text

    link = "../decisions/d-night/report.html"
    open_store(store_url).put(keys.history_page("shop"), f'<body><a href="{link}">#1</a></body>'.encode())
    for page in ("project/shop", "dag/shop__retrain"):
        assert f'href="{address}"' in viewer.get(f"/nightshift/{page}").text
    history = viewer.get(address).text
    assert 'href="/nightshift/project/shop"' in history
    assert link in history
    assert "<h1>that night</h1>" in viewer.get(urljoin(address, link)).text
    assert viewer.get(urljoin(address, "../decisions/other/report.html")).status_code == 404
    assert viewer.get("/nightshift/project/shop/decisions/..%2f/report.html").status_code == 404


@pytest.fixture
def existing_run(application: Any) -> Iterator[Any]:
    """Return the run of a Dag that no other test has in Airflow's database, paused maybe; a test sets its state."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    moment = datetime(2013, 4, 2, tzinfo=UTC)
    with create_session() as session:
        run = DagRun("newsstand__retrain", run_id=RUN_ID, run_type="manual", run_after=moment, state="queued")
        session.add(run)
    yield run
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == "newsstand__retrain"))


@pytest.mark.parametrize("link", ["decision", "mlflow"])
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "The run is queued. It decides in its last stage, promote."),
        ("running", "The run is running. It decides in its last stage, promote."),
        ("failed", "failed before it came to a decision. No model was judged, and nothing was promoted."),
        ("success", "has ended without a decision"),
    ],
)
def test_a_run_without_a_decision_says_how_it_stands(
    viewer: Any, store_url: str, home: Path, existing_run: Any, link: str, state: str, said: str
) -> None:
    from airflow.utils.session import create_session

    write_project(home / "projects", "newsstand")
    with create_session() as session:
        session.merge(existing_run).state = state
    page = viewer.get(f"/nightshift/{link}/newsstand__retrain/{RUN}")
    assert page.status_code == 200
    assert said in page.text


@pytest.mark.parametrize("link", ["decision", "mlflow"])
def test_a_scoring_says_that_it_decides_nothing(viewer: Any, store_url: str, link: str) -> None:
    page = viewer.get(f"/nightshift/{link}/shop__score/{RUN}")
    assert page.status_code == 200
    assert "Decisions are made by shop__retrain." in page.text


def test_the_errors_of_a_failed_run_are_shown_as_text() -> None:
    from include.orchestration.pages import undecided_page

    page = undecided_page("", "shop__retrain", "failed", ["task ingest, try 3: SourceDataError: <b>"])
    assert "<li>task ingest, try 3: SourceDataError: &lt;b&gt;</li>" in page


@pytest.mark.parametrize("link", ["decision", "mlflow"])
def test_a_run_that_does_not_exist(viewer: Any, store_url: str, link: str) -> None:
    page = viewer.get(f"/nightshift/{link}/shop__retrain/nothing")
    assert page.status_code == 404
    assert "shop__retrain has no run nothing" in page.text


def test_the_tracking_run(viewer: Any, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "https://mlflow.example.org/")
    answer = viewer.get(f"/nightshift/mlflow/shop__retrain/{RUN}")
    assert answer.headers["location"] == "https://mlflow.example.org/#/runs/t1"


def test_without_an_mlflow_server_a_page_says_so(viewer: Any, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    monkeypatch.delenv("NIGHTSHIFT_MLFLOW_URL", raising=False)
    answer = viewer.get(f"/nightshift/mlflow/shop__retrain/{RUN}", headers=BROWSER)
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "no MLflow server runs beside this Airflow: ./nightshift up starts one" in answer.text


def test_the_data_docs(viewer: Any, store_url: str) -> None:
    open_store(store_url).put(keys.data_docs("shop"), b"<h1>docs</h1><script>alert(1)</script>")
    open_store(store_url).put(keys.data_docs("shop", "validations/s/date=2013-04-01/a/results.html"), b"one day")
    start = viewer.get("/nightshift/run-data-docs/shop__retrain")
    assert start.headers["location"] == "/nightshift/data-docs/shop/index.html"
    page = viewer.get(start.headers["location"])
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    day = viewer.get("/nightshift/data-docs/shop/validations/s/date=2013-04-01/a/results.html")
    assert day.text == "one day"
    assert "has no such page" in viewer.get("/nightshift/data-docs/shop/validations/other.html").text
    empty = viewer.get("/nightshift/data-docs/bank/index.html")
    assert empty.status_code == 200
    assert "No day of bank was checked yet" in empty.text


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fledger%2f00000001.json",
        "%2e%2e/%2e%2e/ledger/00000001.json",
        "validations/%2e%2e/%2e%2e/%2e%2e/ledger/00000001.json",
        "%2fetc%2fpasswd",
        "a//b.html",
        "index.html%00.png",
        "..%5c..%5cledger",
    ],
)
def test_nothing_outside_the_data_docs_is_served(viewer: Any, store_url: str, path: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    answer = viewer.get(f"/nightshift/data-docs/shop/{path}")
    assert answer.status_code == 404
    assert "decision_id" not in answer.text


@pytest.mark.parametrize(
    "page", ["/nightshift/project/%2e%2e", "/nightshift/data-docs/%2e%2e/x", "/nightshift/project/no"]
)
def test_only_projects_are_projects(viewer: Any, store_url: str, page: str) -> None:
    assert viewer.get(page).status_code == 404


def test_what_comes_from_data_is_escaped(viewer: Any, store_url: str) -> None:
    answer = viewer.get("/nightshift/project/%3Cscript%3E")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_another_dag_has_no_decisions(viewer: Any, store_url: str) -> None:
    assert "is not a Dag of Nightshift" in viewer.get("/nightshift/dag/somebody_elses").text
    for page in ("decision/somebody_elses/run", "mlflow/somebody_elses/run", "run-data-docs/somebody_elses"):
        assert "is not a Dag of Nightshift" in viewer.get(f"/nightshift/{page}").text


def test_a_damaged_ledger_is_explained(viewer: Any, store_url: str) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    open_store(store_url).put(keys.ledger_entry("shop", 9), b"{}")
    answer = viewer.get("/nightshift/project/shop")
    assert answer.status_code == 500
    assert "entry 3 is missing" in answer.text


def test_models_shows_the_newest_night_not_a_late_run_or_a_backfill(viewer: Any, store_url: str) -> None:
    for run_id, day, kind in (
        ("night", "2013-04-05", "scheduled"),
        ("late", "2013-04-02", "manual"),
        ("filled", "2013-04-07", "backfill"),
    ):
        write_decision(store_url, "shop", run_id=run_id, verdict="HOLD", as_of=day, run_type=kind)
    text = viewer.get("/nightshift/").text
    assert "<th>Newest night</th>" in text
    row = re.findall(r"<tr>(.*?)</tr>", text)[2]
    assert ">shop<" in row and "2013-04-05" in row
    assert "2013-04-02" not in row and "2013-04-07" not in row


def _change(store_url: str, kind: str, dag_id: str, run_id: str) -> None:
    _act(store_url, kind, reason="late <b>parcels", origin=Origin(run_id=run_id, dag_id=dag_id, triggered_by="ada"))


@pytest.fixture
def operation_run(application: Any) -> Iterator[Any]:
    """Return a way to write a run of a Dag, its form filled in, into Airflow's database."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    known: set[str] = set()

    def write(dag_id: str, run_id: str, state: str, *, paused: bool = False, **form: str) -> None:
        known.add(dag_id)
        moment = datetime(2013, 4, 2, tzinfo=UTC)
        with create_session() as session:
            session.merge(DagBundleModel(name="dags-folder"))
        with create_session() as session:
            session.merge(DagModel(dag_id=dag_id, bundle_name="dags-folder", is_paused=paused))
        with create_session() as session:
            run = DagRun(dag_id, run_id=run_id, run_type="manual", run_after=moment, state=state, conf=form)
            session.add(run)

    yield write
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id.in_(known)))
        session.execute(delete(DagModel).where(DagModel.dag_id.in_(known)))


@pytest.mark.parametrize(
    ("dag_id", "kind", "said"),
    [
        ("nightshift__rollback", "rollback", "ada put version 1 back in force."),
        ("nightshift__pin", "pin", "ada pinned the champion, version 1: no night changes it."),
        ("nightshift__pin", "unpin", "ada took the pin off the champion, version 1."),
    ],
)
def test_the_decision_tab_of_what_a_person_did_shows_its_entry(
    viewer: Any, store_url: str, operation_run: Any, dag_id: str, kind: str, said: str
) -> None:
    write_decision(store_url, "shop", run_id=RUN_ID)
    operation_run(dag_id, "by-hand", "success", project="shop", reason="late parcels")
    address = f"/nightshift/decision/{dag_id}/by-hand"
    assert "the ledger has no entry of it" in viewer.get(address).text
    _change(store_url, kind, dag_id, "by-hand")
    page = viewer.get(address)
    assert page.status_code == 200
    assert said in page.text
    assert "late &lt;b&gt;parcels" in page.text and "entry 3" in page.text
    [report] = re.findall(r'href="(/nightshift/project/shop/decisions/\d+)"', page.text)
    assert viewer.get(report, follow_redirects=True).text == "<h1>report</h1>"
    assert viewer.get(f"/nightshift/dag/{dag_id}").status_code == 200


def test_the_decision_tab_of_a_retention_says_that_it_decides_nothing(viewer: Any, store_url: str) -> None:
    page = viewer.get("/nightshift/decision/nightshift__retention/r")
    assert page.status_code == 200
    assert "changes nothing that is in force" in page.text


@pytest.mark.parametrize("dag_id", ["kiosk__retrain", "nightshift__rollback"])
@pytest.mark.parametrize("paused", [True, False])
def test_a_run_of_a_paused_dag_says_what_it_waits_for(
    viewer: Any, store_url: str, home: Path, operation_run: Any, dag_id: str, paused: bool
) -> None:
    write_project(home / "projects", "kiosk")
    operation_run(dag_id, "asked", "queued", paused=paused, project="kiosk")
    text = viewer.get(f"/nightshift/decision/{dag_id}/asked").text
    assert "The run is queued." in text
    assert (f"{dag_id} is paused" in text) is paused

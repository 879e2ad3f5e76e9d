"""Play nights on stores that fail: before a call is done, after it is done, for a fifth of all calls or at every write.

Whatever fails, the tries that Airflow gives a task end with what an undisturbed store would hold: nothing lost, nothing
promoted twice, one entry for one decision of one run, one version for one model.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import StoreError
from include.io import keys
from include.io.champion_alias import differences, tracking_of
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stack.object_server import ObjectServer
from tests.stages.shop import assert_nothing_half_written
from tests.support.failing_store import LostAnswers, Weather, each_local_write_fails_once, no_pauses, retried
from tests.support.killing import Attempt
from tests.support.model_nights import FIRST, NO_PROCESS, Nights, make_project
from tests.support.s3_proxy import Exchange, Refuse, S3Proxy, Tamper
from tests.support.tracked import tracked
from tests.support.tracking import copy_prepared
from tests.support.whole_nights import NAME, NOW, WholeNight

pytestmark = pytest.mark.integration

PROJECT = "parcels"
LINEAR = [{"name": "linear", "estimator": "logistic_regression"}]
WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
LAX = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]
# promoted, beaten by a better one, and then a tie
NIGHTS = [(FIRST, WEAK), (FIRST + timedelta(days=1), LINEAR), (FIRST + timedelta(days=1), LINEAR)]
VERDICTS = ["PROMOTE", "PROMOTE", "HOLD"]
SHARE = 0.2
# of botocore: with all of them lost, the try of the stage fails
ATTEMPTS = 5
# more than one task makes, each of which fails once
MOST_WRITES = 50

Line = Callable[..., Any]


@pytest.fixture
def spoilt(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch, s3_url: str) -> Line:
    """Return a context in which the S3 server is reached only over a line that spoils calls."""

    def whole(exchange: Exchange) -> Exchange:
        return exchange

    @contextmanager
    def line(lose: Tamper = whole, refuse: Refuse = lambda method, path: None) -> Iterator[None]:
        with S3Proxy(object_server.endpoint, lose, refuse) as proxy, no_pauses(), monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
            # MLflow keeps its client, and makes another only for another address of its own setting
            patch.setenv("MLFLOW_S3_ENDPOINT_URL", proxy.endpoint)
            yield

    return line


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path, s3_url: str) -> Nights:
    """Return nights on S3, whose features are written over a good line."""
    copy_prepared(prepared_tracking, tmp_path)
    played = Nights(tmp_path, make_project(tmp_path, candidates=LINEAR, gates=LAX), s3_url=s3_url)
    for day, _ in NIGHTS:
        played.plan(day)
    return played


def play(nights: Nights, number: int) -> tuple[str, int]:
    """Play one night, each stage with the tries of Airflow; return its verdict and how many tries failed."""
    day, candidates = NIGHTS[number]
    nights.project = make_project(nights.folder, candidates=candidates, gates=LAX)
    evaluated, before = retried(lambda: nights.evaluate(day, f"night {number}"))
    promoted, after = retried(lambda: nights.promote(day, evaluated, f"night {number}"))
    return promoted.verdict, before + after


def check(nights: Nights, verdicts: list[str]) -> None:
    """Check that store, ledger and MLflow hold what the nights decided, once."""
    store: ObjectStore = open_store(nights.store_url)
    entries = Ledger(store, PROJECT).entries()
    of_one = {"PROMOTE": ["decision", "promotion"], "HOLD": ["decision"]}
    wanted = [kind for verdict in verdicts for kind in of_one[verdict]]
    assert [entry.kind for entry in entries] == wanted
    assert [entry.verdict for entry in entries if entry.kind == "decision"] == verdicts
    written = [(entry.kind, entry.decision_id, entry.origin.run_id) for entry in entries]
    assert len(set(written)) == len(written)
    champion = Ledger(store, PROJECT).champion()
    assert differences(store, tracking_of(store, PROJECT, nights.tracking_url), champion, PROJECT) == []
    found = tracked(nights.folder / "mlflow.db")
    models = min(len(verdicts), 2)
    # a try that fails closes its run, which says why; the next one has its own
    statuses = Counter(run[2] for run in found["runs"])
    assert statuses["FINISHED"] == models == statuses.total() - statuses["FAILED"]
    assert [version[1] for version in found["versions"]] == list(range(1, models + 1))
    assert_nothing_half_written(store, f"{PROJECT}/")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_store_that_fails_a_fifth_of_its_calls_loses_nothing(nights: Nights, spoilt: Line, moment: str) -> None:
    weather = Weather(SHARE, seed=5)
    line = {"refuse": weather.refuse} if moment == "before" else {"lose": weather.lose}
    with spoilt(**line):
        assert [play(nights, number)[0] for number in range(len(NIGHTS))] == VERDICTS
    assert len(weather.spoilt) > 8
    check(nights, VERDICTS)


@pytest.mark.parametrize(
    "part",
    [
        "/models/linear-",
        "/decisions/",
        "/ledger/00000001.json",
        "/ledger/00000002.json",
        "/releases/version=1/manifest.json",
        "/releases/champion.json",
    ],
)
def test_a_write_whose_every_answer_is_lost_is_recognised_by_the_next_try(
    nights: Nights, spoilt: Line, part: str
) -> None:
    lost = LostAnswers(part, ATTEMPTS)
    day = NIGHTS[1][0]
    with spoilt(lose=lost.lose):
        evaluated, before = retried(lambda: nights.evaluate(day, "night"))
        promoted, after = retried(lambda: nights.promote(day, evaluated, "night"))
    assert (lost.left, before + after) == (0, 1)
    assert promoted.verdict == "PROMOTE"
    check(nights, ["PROMOTE"])


def test_a_store_that_never_answers_fails_the_stage_with_its_name(nights: Nights, spoilt: Line) -> None:
    with spoilt(refuse=lambda method, path: 503), pytest.raises(StoreError) as caught:
        play(nights, 0)
    assert str(caught.value).startswith("s3://")
    assert "the object store answered with an error; got: 503" in str(caught.value)
    check_empty = open_store(nights.store_url)
    assert Ledger(check_empty, PROJECT).entries() == []


def play_whole_night(folder: Path, *, failing: bool, after: bool = False) -> tuple[dict[str, str], int]:
    """Play a night, each task until it succeeds; return the hash of each object, and how many writes failed.

    Objects that hold the id of an MLflow run are left out: MLflow draws it, and a try that fails closes its run.
    """
    night = WholeNight(folder, named_runs=False)
    with each_local_write_fails_once(after=after) if failing else nullcontext([]) as failed:
        for task in night.tasks():
            night.results[task], _ = retried(lambda task=task: night.run(task), tries=MOST_WRITES)  # type: ignore[misc]
    store = night.shop.store
    runs = [str(run[0]).encode() for run in tracked(folder / "mlflow.db")["runs"]]
    held = {info.key: store.get(info.key) for info in store.list(f"{NAME}/")}
    plain = {key: data for key, data in held.items() if not any(run in data + key.encode() for run in runs)}
    manifest = keys.release_file(NAME, "1", "manifest.json")  # holds the hash of the decision, which holds a run
    plain.pop(manifest)
    return {key: hashlib.sha256(data).hexdigest() for key, data in plain.items()}, len(failed)


def test_a_night_whose_every_local_write_fails_once_ends_as_an_undisturbed_one(
    tmp_path: Path, prepared_tracking: Path
) -> None:
    wanted: dict[str, str] = {}
    for when, how in (
        ("never", {"failing": False}),
        ("before", {"failing": True, "after": False}),
        ("after", {"failing": True, "after": True}),
    ):
        # at the same place, because artifacts hold addresses
        folder = tmp_path / "home"
        folder.mkdir()
        copy_prepared(prepared_tracking, folder)
        WholeNight(folder).deliver()
        # in a process of its own: MLflow keeps its connections to the database that was there before
        found, failed = Attempt(partial(play_whole_night, folder, **how), environ={"NIGHTSHIFT_NOW": NOW}).result()
        wanted = wanted or found
        assert found == wanted, when
        assert failed == 0 if when == "never" else failed > 60
        entries = Ledger(WholeNight(folder).shop.store, NAME).entries()
        assert [(entry.kind, entry.verdict) for entry in entries] == [("decision", "PROMOTE"), ("promotion", "PROMOTE")]
        records = tracked(folder / "mlflow.db")
        assert Counter(run[2] for run in records["runs"]).keys() <= {"FINISHED", "FAILED"}
        assert_nothing_half_written(WholeNight(folder).shop.store, f"{NAME}/")
        assert len(records["versions"]) == 1
        folder.rename(tmp_path / when)

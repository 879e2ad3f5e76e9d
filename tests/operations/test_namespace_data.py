"""Remove a namespace from store and MLflow: all of it and nothing else, in a database and through a server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from include.config.project import Project
from include.domain.errors import TrackingError
from include.domain.names import named_in, store_in, store_prefix, tracking_in
from include.domain.results import EvaluateResult
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import Tracking
from include.io.tracking_database import busy_safe
from include.operations.namespace_data import known_namespaces, look, remove
from include.operations.retention.records import RetentionInputs
from include.operations.retention.run import run as retain
from tests.support.model_nights import Nights, make_project
from tests.support.played_nights import DAY, LAX, STRONG
from tests.support.tracked_names import listing, of_namespace
from tests.support.tracking import copy_prepared
from tests.support.tracking_server import asking_for_password, tracking_server

NAME = "parcels"


@dataclass
class Place(Nights):
    """Play nights in a namespace, or outside all, of the store and the MLflow at these addresses."""

    store_at: str = ""
    tracking_at: str = ""
    namespace: str = ""

    @property
    def store_url(self) -> str:
        return store_in(self.store_at, self.namespace)

    @property
    def tracking_url(self) -> str:
        return tracking_in(self.tracking_at, self.namespace)

    @property
    def base(self) -> ObjectStore:
        return open_store(self.store_at)

    def named(self, namespace: str) -> Place:
        return Place(
            self.folder, self.project, store_at=self.store_at, tracking_at=self.tracking_at, namespace=namespace
        )

    def alias(self) -> str | None:
        return Tracking(self.tracking_url, NAME, "file:///unused").version_of_alias("champion")

    def objects(self) -> dict[str, str]:
        """Return the sha256 of every object of the whole store."""
        store = self.base
        return {one.key: hashlib.sha256(store.get(one.key)).hexdigest() for one in store.list()}

    def first_night(self) -> EvaluateResult:
        evaluated = self.evaluate(DAY)
        self.promote(DAY, evaluated)
        return evaluated


@pytest.fixture(scope="module", params=["database", "server"])
def base(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path
) -> Iterator[Place]:
    """Return production, with a champion: on MLflow's database itself, and through an MLflow server."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "store").mkdir()
    store_url, database = f"file://{folder / 'store'}", copy_prepared(prepared_tracking, folder)
    project = make_project(folder, candidates=STRONG, gates=LAX)
    if request.param == "database":
        yield played(folder, project, store_url, database)
        return
    with tracking_server(folder, database, store_url) as url:
        yield played(folder, project, store_url, url)


def played(folder: Path, project: Project, store_url: str, tracking_url: str) -> Place:
    place = Place(folder, project, store_at=store_url, tracking_at=tracking_url)
    place.first_night()
    return place


@pytest.fixture(scope="module")
def neighbour(base: Place) -> Place:
    """Return a namespace with a champion, whose name begins like the one that is removed."""
    place = base.named("pr-12")
    place.first_night()
    return place


@pytest.fixture
def place(base: Place, neighbour: Place) -> Place:
    """Return a namespace with a champion, to be removed."""
    place = base.named("pr-1")
    if not look(base.base, base.tracking_at, "pr-1"):
        place.first_night()
    return place


@pytest.fixture
def client(base: Place) -> MlflowClient:
    return MlflowClient(busy_safe(base.tracking_at), busy_safe(base.tracking_at))


def is_served(place: Place) -> bool:
    return urlsplit(place.tracking_at).scheme == "http"


def test_each_keeps_the_files_of_its_runs_below_its_own_keys(base: Place, neighbour: Place, place: Place) -> None:
    shown = listing(base.tracking_at)
    for one in (base, neighbour, place):
        name = named_in(one.namespace, NAME)
        prefix = f"{store_prefix(one.namespace)}{NAME}/mlflow"
        [(run_id, run)] = shown[f"experiment {name}"].items()
        assert run[-1] == (
            f"mlflow-artifacts:/{prefix}/{run_id}/artifacts"
            if is_served(one)
            else f"{one.store_at}/{prefix}/{run_id}/artifacts"
        )
        # wherever MLflow says they are, they are these objects of the store
        assert base.base.exists(f"{prefix}/{run_id}/artifacts/training.json")
        versions, aliases = shown[f"model {name}"]
        assert set(versions) == {"1"}
        assert aliases["champion"] == "1"
        assert one.alias() == "1"


def test_retention_knows_the_files_of_the_runs(place: Place) -> None:
    inputs = RetentionInputs(store_url=place.store_url, tracking_url=place.tracking_url, dry_run=True)
    result = retain(place.project, inputs)
    assert (result.unknown, result.removed) == ((), ())
    [champion] = [one for one in result.kept if one.why == "champion in force"]
    folders = tuple(f"{NAME}/{folder}/" for folder in ("models", "releases/version=1", "mlflow"))
    assert champion.files == sum(one.key.startswith(folders) for one in place.store.list())


def test_removing_one_leaves_every_byte_of_the_others_and_the_name_is_as_new(base: Place, place: Place) -> None:
    store, url = base.base, base.tracking_at
    objects, shown = base.objects(), listing(url)
    assert known_namespaces(store, url) == {"pr-1", "pr-12"}
    held = look(store, url, "pr-1")
    assert (held.projects, held.champions) == ((NAME,), {NAME: "1"})
    assert (held.experiments, held.models) == ((f"pr-1.{NAME}",), (f"pr-1.{NAME}",))
    assert held.objects == sum(key.startswith("namespace=pr-1/") for key in objects)

    for _ in range(2):
        remove(store, url, "pr-1")
        assert base.objects() == {key: one for key, one in objects.items() if not key.startswith("namespace=pr-1/")}
        assert listing(url) == {name: one for name, one in shown.items() if " pr-1." not in name}
        assert not look(store, url, "pr-1")
        assert known_namespaces(store, url) == {"pr-12"}
    assert not (base.folder / "store" / "namespace=pr-1").exists()
    # a server deletes nothing for good, and keeps nothing under the name
    left = of_namespace(listing(url, ViewType.DELETED_ONLY), "pr-1")
    assert [".removed-" in name for name in left] == ([True] if is_served(base) else [])

    place.first_night()
    anew = of_namespace(listing(url), "pr-1")
    assert set(anew[f"model pr-1.{NAME}"][0]) == {"1"}
    assert len(anew[f"experiment pr-1.{NAME}"]) == 1
    assert place.alias() == "1"


def test_what_a_killed_removal_has_left_goes(base: Place, client: MlflowClient) -> None:
    # renamed and not yet deleted; deleted by a person; a model without an experiment
    client.create_experiment(f"half.{NAME}.removed-{'0' * 32}")
    client.delete_experiment(client.create_experiment("half.other"))
    client.create_registered_model("half.third")
    base.base.put("namespace=half/parcels/raw/x", b"left")
    held = look(base.base, base.tracking_at, "half")
    assert (len(held.experiments), held.models, held.objects) == (2, ("half.third",), 1)
    remove(base.base, base.tracking_at, "half")
    assert not look(base.base, base.tracking_at, "half")


def test_a_name_that_is_none_of_ours_stays(base: Place, client: MlflowClient) -> None:
    theirs = client.create_experiment("pr-7.Some notes")
    base.base.put("namespace=pr-77/parcels/x", b"another's")
    remove(base.base, base.tracking_at, "pr-7")
    assert client.get_experiment(theirs).lifecycle_stage == "active"
    assert base.base.get("namespace=pr-77/parcels/x") == b"another's"
    client.delete_experiment(theirs)
    remove(base.base, base.tracking_at, "pr-77")


def test_a_password_for_the_server_comes_from_mlflows_own_variables(
    base: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_served(base):
        pytest.skip("a database asks for no password of MLflow's")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    with asking_for_password(base.tracking_at, "ada", "secret") as url:
        assert Place(base.folder, base.project, store_at=base.store_at, tracking_at=url).alias() == "1"
        assert known_namespaces(base.base, url) >= {"pr-12"}
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        with pytest.raises(TrackingError) as caught:
            known_namespaces(base.base, url)
    assert "secret" not in str(caught.value)

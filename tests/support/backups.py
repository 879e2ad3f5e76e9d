"""Hold a played home that is backed up, an empty one that gets it back, and what both must agree in."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from include.cli.app import main
from include.config.credentials import load_credentials
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.operations.backup.archive import ArchiveReader, BackupContents, is_mark, named_files
from include.operations.backup.copying import (
    MLFLOW,
    Dump,
    Source,
    Watch,
    check_database,
    make_backup,
    move_addresses,
    snapshot,
)
from include.operations.backup.restore import check_whole, restore_objects
from include.operations.reconcile import check_ledger
from tests.support.model_nights import Nights, make_project
from tests.support.played_nights import LAX, STRONG, day, declare

ASKED = (
    ["status", "--json"],
    ["ledger", "parcels", "--json"],
    *(["decision", "parcels", str(number), "--json"] for number in (1, 3, 5)),
)


def hashes(store: ObjectStore) -> dict[str, str]:
    """Return the sha256 of every object."""
    return {one.key: hashlib.sha256(store.get(one.key)).hexdigest() for one in store.list()}


def as_home(nights: Nights, patch: pytest.MonkeyPatch) -> Path:
    """Make the nights' folder a home with a project, credentials and an Airflow database of two runs."""
    patch.setenv("COLUMNS", "200")
    patch.setenv("NIGHTSHIFT_PROJECTS", str(nights.folder / "projects"))
    declare(nights, nights.folder / "projects")
    load_credentials(nights.folder)
    nights.store.put("landing/parcels/2013-04-01.parquet", b"delivered" * 100)
    database = nights.folder / "airflow" / "airflow.db"
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE dag_run (run_id TEXT)")
        connection.executemany("INSERT INTO dag_run VALUES (?)", [("one",), ("two",)])
    at_home(nights)
    enter(nights.folder, patch, nights.s3_url)
    return nights.folder


def at_home(nights: Nights) -> Nights:
    """Have MLflow name files where they are: the nights were played in another folder than this copy."""
    with closing(sqlite3.connect(nights.folder / "mlflow.db")) as connection:
        query = "SELECT artifact_location FROM experiments WHERE name = 'parcels'"
        played_at = str(connection.execute(query).fetchone()[0]).removesuffix("/parcels/mlflow")
    move_addresses(nights.folder / "mlflow.db", played_at, nights.store_url)
    return nights


def enter(home: Path, patch: pytest.MonkeyPatch, store_url: str = "") -> Path:
    """Make a folder the home that commands use, with its MLflow beside it."""
    patch.setenv("NIGHTSHIFT_HOME", str(home))
    patch.setenv("NIGHTSHIFT_TRACKING_URL", f"sqlite:///{home / 'mlflow.db'}")
    patch.setenv("NIGHTSHIFT_STORE_URL", store_url or f"file://{home / 'store'}")
    return home


def answers(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return what the commands say of the home that is entered, without where it is."""
    found = []
    capsys.readouterr()
    for command in ASKED:
        assert main(command) == 0
        said = json.loads(capsys.readouterr().out)
        if isinstance(said, dict):
            said = {name: value for name, value in said.items() if name not in ("home", "store")}
        found.append(said)
    return found


def assert_whole(store: ObjectStore, tracking_database: Path, project: str = "parcels") -> int:
    """Refuse a ledger with gaps, a mark without its bytes, a champion without release, an entry without run.

    Returns:
        How many entries the ledger has.
    """
    ledger = Ledger(store, project)
    entries = ledger.entries()
    check_ledger(store, project, entries)
    for one in store.list():
        if is_mark(one.key):
            for ref in named_files(store.get(one.key)):
                get_file(store, ref)
    with closing(sqlite3.connect(tracking_database)) as connection:
        runs = {row[0] for row in connection.execute("SELECT run_uuid FROM runs")}
        finished = {row[0] for row in connection.execute("SELECT run_uuid FROM runs WHERE status = 'FINISHED'")}
    for entry in entries:
        assert store.exists(keys.decision(project, entry.decision_id))
        assert entry.tracking_run_id in runs
        if entry.kind == "promotion":
            release = store.get(keys.release_file(project, entry.version, "manifest.json"))
            assert Manifest.model_validate_json(release).kind == "release"
    # what MLflow calls finished has its files
    for run in finished:
        assert list(store.list(f"{project}/mlflow/{run}/artifacts/model/")), run
    return len(entries)


def play_on(folder: str, s3_url: str, first: int, last: int) -> int:
    """Play the nights `first` to `last`, one after the other; each promotes a better model, or holds one."""
    for number in range(first, last + 1):
        # another seed is another candidate: every night trains
        project = make_project(Path(folder), candidates=STRONG, gates=LAX, seed=number)
        Nights(Path(folder), project, s3_url=s3_url).night(day(number))
    return last


@dataclass
class Copied:
    """Be a folder into which a backup was restored, without the command line."""

    folder: Path
    store: ObjectStore

    @property
    def database(self) -> Path:
        """Return MLflow's database."""
        return self.folder / "mlflow.db"


def copy_house(nights: Nights, file: Path) -> BackupContents:
    """Back the nights' store and MLflow up."""
    dumps: dict[str, Dump] = {MLFLOW: lambda folder: snapshot(nights.folder / "mlflow.db", folder / "mlflow.db")}
    source = Source("home", nights.store, dumps, {"airflow": "3.3.2", "mlflow": "3.17.2"})
    return make_backup(source, file, force=False, watch=Watch())


def put_house(file: Path, folder: Path, url: str) -> Copied:
    """Restore a backup, and return what is there."""
    folder.mkdir()
    copied = Copied(folder, open_store(url))
    with ArchiveReader(file) as archive:
        check_whole(archive)
        restore_objects(copied.store, archive)
        part = archive.contents.database(MLFLOW)
        assert part is not None
        archive.extract(part, copied.database)
    check_database(copied.database)
    return copied

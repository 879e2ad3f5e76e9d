"""Back a home up and restore it at the door: what comes back, what is refused, what a kill leaves, what is secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from include.cli.app import main
from include.config.credentials import load_credentials
from include.domain.errors import BackupError
from include.domain.names import registered, tracking_in
from include.io import keys
from include.io.stores import open_store
from include.io.tracking import Tracking
from include.operations.backup.archive import ArchiveReader
from include.stack.state_directory import RESTORE_FILE, read_mark
from tests.support.backups import answers, as_home, enter, hashes
from tests.support.killing import Attempt
from tests.support.model_nights import Nights
from tests.support.played_nights import day, entries, in_force


@pytest.fixture
def house(played_nights: Nights, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """Return four nights in a home that commands use."""
    as_home(played_nights, monkeypatch)
    return played_nights


@pytest.fixture
def backup(house: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a backup of it."""
    path = tmp_path / "backup.tar"
    assert main(["backup", str(path)]) == 0
    capsys.readouterr()
    return path


def test_what_is_restored_answers_as_before(
    house: Nights, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said, held, champion = answers(capsys), hashes(house.store), in_force(house)
    home = enter(tmp_path / "new", monkeypatch)
    assert main(["restore", str(backup)]) == 0
    shown = capsys.readouterr().out
    assert "projects       parcels\n" in shown
    assert f"ledger         {len(said[1])} entries\n" in shown
    assert f"objects        {len(held)}, " in shown

    restored = Nights(home, house.project)
    assert hashes(restored.store) == held
    assert answers(capsys) == said
    assert in_force(restored) == champion
    assert main(["reconcile", "parcels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wrong"] == []
    with closing(sqlite3.connect(home / "airflow" / "airflow.db")) as connection:
        assert connection.execute("SELECT run_id FROM dag_run ORDER BY 1").fetchall() == [("one",), ("two",)]
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        addresses = connection.execute("SELECT artifact_uri FROM runs").fetchall()
    assert addresses
    assert all(address.startswith(f"file://{home / 'store'}/parcels/mlflow/") for (address,) in addresses)


def test_the_next_night_goes_on_in_the_restored_home(
    house: Nights, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = enter(tmp_path / "new", monkeypatch)
    assert main(["restore", str(backup)]) == 0
    restored = Nights(home, house.project)
    before = entries(restored)
    assert restored.night(day(5)).ledger_number == len(before) + 1
    assert entries(restored)[: len(before)] == before


def test_a_store_on_s3_comes_back_on_s3(
    played_nights: Nights,
    s3_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = open_store(f"{s3_url}/old")
    for one in played_nights.store.list():
        there.put(one.key, played_nights.store.get(one.key))
    played_nights.s3_url = there.url
    as_home(played_nights, monkeypatch)
    said, path = answers(capsys), tmp_path / "backup.tar"
    assert main(["backup", str(path)]) == 0
    enter(tmp_path / "new", monkeypatch, f"{s3_url}/new")
    assert main(["restore", str(path)]) == 0
    assert hashes(open_store(f"{s3_url}/new")) == hashes(there)
    assert answers(capsys) == said


def test_namespaces_come_back_beside_production(
    house: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = tmp_path / "trial"
    shutil.copytree(house.folder / "store" / "parcels", trial)
    for namespace in ("pr-7", "pr-8"):
        shutil.copytree(trial, house.folder / "store" / f"namespace={namespace}" / "parcels")
    lost = house.folder / "store" / "namespace=pr-8" / "parcels"
    for folder in (lost / "models", *lost.glob("releases/version=*")):
        shutil.rmtree(folder)
    held, path = hashes(house.store), tmp_path / "backup.tar"
    # said in a namespace, and of all of them
    monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", "pr-7")
    assert main(["backup", str(path)]) == 0
    home = enter(tmp_path / "new", monkeypatch)
    # MLflow has no model of a namespace: it is given those that the store holds, and what cannot be set right is told
    assert main(["restore", str(path)]) == 1
    shown = capsys.readouterr()
    assert "projects       namespace=pr-7/parcels, namespace=pr-8/parcels, parcels\n" in shown.out
    assert "namespace=pr-8/parcels: MLflow alias champion: nothing instead of version 2" in shown.err
    assert "namespace=pr-7/parcels: " not in shown.err
    assert "\nparcels: " not in shown.err
    address = tracking_in(f"sqlite:///{home / 'mlflow.db'}", "pr-7")
    assert Tracking(address, "parcels", "file:///unused").version_of_alias("champion") == "2"
    restored = hashes(open_store(f"file://{home / 'store'}"))
    added = restored.keys() - held.keys()
    assert [key for key in added if not key.startswith("namespace=pr-7/parcels/mlflow/")] == []
    assert {key: restored.get(key) for key in held} == held
    assert registered(home) == ("pr-7", "pr-8")


def test_the_file_is_its_owners_alone_and_replaces_nothing_unasked(
    house: Nights, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = backup.read_bytes()
    assert main(["backup", str(backup)]) == 2
    assert f"{backup}: the file exists; hint: choose another name, or replace it by --force" in capsys.readouterr().err
    assert backup.read_bytes() == before
    assert main(["backup", str(backup), "--force"]) == 0
    assert backup.read_bytes() != before
    assert [path.name for path in backup.parent.iterdir() if "partial" in path.name] == []


def test_the_file_holds_no_secret(house: Nights, backup: Path) -> None:
    credentials = load_credentials(house.folder)
    secrets = [value.get_secret_value().encode() for value in dict(credentials).values()]
    everything = backup.read_bytes()
    with ArchiveReader(backup) as archive:
        everything += b"".join(archive.read(part) for part in archive.contents.parts)
        everything += archive.contents.model_dump_json().encode()
    assert len(secrets) == 4
    assert b"parcels" in everything
    assert [secret for secret in secrets if secret in everything] == []


def test_any_tar_program_reads_it(backup: Path) -> None:
    with tarfile.open(backup) as tar:
        names = tar.getnames()
    assert names[0] == "databases/airflow"
    assert names[-1] == "contents.json.gz"
    assert f"marks/{keys.ledger_entry('parcels', 1)}" in names


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _without_end(data: bytes) -> bytes:
    return data[: data.rindex(b"contents.json.gz")]


def _flipped(data: bytes) -> bytes:
    with_change = bytearray(data)
    # inside the bytes of an object, whatever its size
    at = len(data) // 3
    with_change[at : at + 2048] = bytes(byte ^ 0xFF for byte in data[at : at + 2048])
    return bytes(with_change)


@pytest.mark.parametrize(
    "spoil",
    [_halved, _without_end, _flipped, lambda data: b"", lambda data: b"no tar at all" * 1000, lambda data: data[512:]],
    ids=["halved", "without end", "flipped", "empty", "another file", "begins late"],
)
def test_a_damaged_file_is_one_error_and_writes_nothing(
    spoil: Callable[[bytes], bytes],
    backup: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backup.write_bytes(spoil(backup.read_bytes()))
    home = enter(tmp_path / "new", monkeypatch)
    assert main(["restore", str(backup)]) == 1
    shown = capsys.readouterr().err.splitlines()
    assert shown[-1].startswith(f"{backup}: the backup is damaged or cut off; got: ")
    assert not home.exists() or list(home.iterdir()) == []


def test_every_byte_that_counts_is_checked(backup: Path) -> None:
    whole = backup.read_bytes()
    with ArchiveReader(backup) as archive:
        parts = archive.contents.parts
    for part in parts:
        for at in {part.offset, part.offset + part.stored // 2, part.offset + part.stored - 1}:
            if not part.stored or (part.packed and at == part.offset + part.stored - 1):
                continue  # the last bytes of gzip say how long the part is, which its sha256 says, too
            spoiled = bytearray(whole)
            spoiled[at] ^= 0x01
            backup.write_bytes(bytes(spoiled))
            with ArchiveReader(backup) as archive, pytest.raises(BackupError, match=re.escape(part.name)):
                archive.check(part)


def _files(home: Path) -> dict[str, bytes]:
    """Return every file but the lock, and what SQLite puts beside a database that is read."""
    passing = (".lock", "-wal", "-shm")
    return {
        str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and not path.name.endswith(passing)
    }


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("object", "a backup is restored into an empty store only; got: parcels/notes.txt"),
        ("airflow", "a backup is restored into an empty home only, and airflow has runs here; got: 2"),
        ("mlflow", "a backup is restored into an empty home only, and mlflow has runs here; got: "),
    ],
)
def test_a_home_with_nights_is_refused(
    what: str,
    said: str,
    house: Nights,
    backup: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = enter(tmp_path / "new", monkeypatch)
    (home / "airflow").mkdir(parents=True)
    if what == "object":
        open_store(f"file://{home / 'store'}").put("parcels/notes.txt", b"mine")
    if what == "airflow":
        shutil.copy(house.folder / "airflow" / "airflow.db", home / "airflow" / "airflow.db")
    if what == "mlflow":
        shutil.copy(house.folder / "mlflow.db", home / "mlflow.db")
    before = _files(home)
    assert main(["restore", str(backup)]) == 2
    assert said in capsys.readouterr().err
    assert _files(home) == before


def test_what_sources_delivered_is_no_night(
    house: Nights, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = enter(tmp_path / "new", monkeypatch)
    store = open_store(f"file://{home / 'store'}")
    store.put("landing/parcels/2013-04-01.parquet", b"other bytes")
    store.put("landing/parcels/2013-05-01.parquet", b"newer")
    assert main(["restore", str(backup)]) == 0
    assert store.get("landing/parcels/2013-04-01.parquet") == b"delivered" * 100
    assert store.get("landing/parcels/2013-05-01.parquet") == b"newer"


def _restore(file: str) -> int:
    return main(["restore", file])


def test_a_restore_that_was_killed_goes_on(
    house: Nights, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said, held = answers(capsys), hashes(house.store)
    home = enter(tmp_path / "new", monkeypatch)
    store = open_store(f"file://{home / 'store'}")
    names = ("NIGHTSHIFT_HOME", "NIGHTSHIFT_TRACKING_URL", "NIGHTSHIFT_STORE_URL", "NIGHTSHIFT_PROJECTS")
    environ = {name: os.environ[name] for name in names}
    kills, seen, wait = 0, set(), 0.02
    while Attempt(_restore, str(backup), environ=environ).kill_after(wait):
        kills += 1
        wait += 0.04
        there = hashes(store)
        seen.add(len(there))
        assert there.items() <= held.items()
        # no ledger before everything that its entries name
        if any("/ledger/" in key for key in there):
            assert {key for key in held if "/ledger/" not in key and "champion.json" not in key} <= set(there)
        if there == held and read_mark(home / RESTORE_FILE) is None:
            # killed when all was done, before it could say so
            break
        if there:
            assert read_mark(home / RESTORE_FILE) is not None
    assert kills > 3
    assert any(0 < count < len(held) for count in seen)
    assert read_mark(home / RESTORE_FILE) is None
    assert hashes(store) == held
    assert answers(capsys) == said


def test_nothing_works_in_a_home_that_is_half_restored(
    house: Nights, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = enter(tmp_path / "new", monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr("include.cli.restore.reconcile_all", _interrupted)
        with pytest.raises(RuntimeError, match="the power went out"):
            main(["restore", str(backup)])
    hint = f"{home}: a restore was interrupted here; hint: go on with it: ./nightshift restore {backup}"
    for command in (["airflow", "version"], ["backup", str(tmp_path / "other.tar")], ["run", "parcels"]):
        capsys.readouterr()
        assert main(command) == 2
        assert hint in capsys.readouterr().err
    other = tmp_path / "second.tar"
    enter(house.folder, monkeypatch)
    assert main(["backup", str(other)]) == 0
    enter(home, monkeypatch)
    capsys.readouterr()
    assert main(["restore", str(other)]) == 2
    assert f"the restore of another file was interrupted here; got: {backup}" in capsys.readouterr().err
    assert main(["restore", str(backup)]) == 0
    assert read_mark(home / RESTORE_FILE) is None


def _interrupted(*_: object) -> int:
    raise RuntimeError("the power went out")


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["restore", "nothing.tar"], 1, "nothing.tar: the file cannot be read"),
        (["backup", "no/such/folder.tar"], 2, "there is no such folder"),
        (["backup", "x.tar", "--docker", "--s3"], 2, "option --s3: the docker stack has a store of its own"),
        (["restore", "x.tar", "--docker", "--s3"], 2, "option --s3: the docker stack has a store of its own"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_mistake_is_one_line(
    command: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.environ["NIGHTSHIFT_HOME"])
    assert main(command) == status
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown

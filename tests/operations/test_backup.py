"""Change a store at the worst moments of its backup: what is copied belongs together all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import BackupError, SettingsError, StoreError
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.object_store import Listed, StoredObject
from include.operations.backup.archive import (
    ArchiveReader,
    BackupContents,
    is_mark,
    ledger_of,
    new_archive,
    reading_order,
    writing_order,
)
from tests.operations.aged import retain
from tests.support.backups import assert_whole, at_home, copy_house, hashes, put_house
from tests.support.model_nights import Nights, make_rows
from tests.support.played_nights import day

MANIFEST_SUFFIX = "/manifest.json"


class Busy(LocalStore):
    """Do something to the store at a chosen moment of its backup."""

    def __init__(self, url: str, at: Callable[[str, str], bool], act: Callable[[], object]) -> None:
        super().__init__(url)
        self._at, self._act = at, act
        self._acted = False
        self.listings = 0

    def list(self, prefix: str = "") -> Iterator[Listed]:
        self.listings += 1
        self._look("list", str(self.listings))
        return super().list(prefix)

    def read(self, key: str) -> StoredObject:
        self._look("read", key)
        return super().read(key)

    def _look(self, doing: str, what: str) -> None:
        if not self._acted and self._at(doing, what):
            self._acted = True
            self._act()


class BusyNights(Nights):
    """Be nights whose store is busy; what acts on it uses the real one."""

    busy: Busy

    @property
    def store(self) -> Any:
        """Return the busy store."""
        return self.busy


def _backed_up(nights: Nights, file: Path, at: Callable[[str, str], bool], act: Callable[[], object]) -> BackupContents:
    watched = BusyNights(nights.folder, nights.project)
    watched.busy = Busy(nights.store_url, at, act)
    contents = copy_house(watched, file)
    assert watched.busy._acted
    return contents


def _before(moment: str) -> Callable[[str, str], bool]:
    """Return the test of a moment: before the listing of that number, or before the first reading of that kind."""
    if moment.isdigit():
        return lambda doing, what: doing == "list" and what == moment
    return lambda doing, what: doing == "read" and moment in what


MOMENTS = ("2", "3", "/ledger/", "/models/", "/mlflow/")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_night_in_the_middle_leaves_no_loose_end(moment: str, played_nights: Nights, tmp_path: Path) -> None:
    before = len(Ledger(at_home(played_nights).store, "parcels").entries())
    played_nights.project = played_nights.project.model_copy(update={"seed": 11})
    file = tmp_path / "backup.tar"
    _backed_up(played_nights, file, _before(moment), lambda: played_nights.night(day(5)))
    copied = put_house(file, tmp_path / "new", f"file://{tmp_path / 'new' / 'store'}")
    # the ledger is as it was when it was read: the night is not half in it
    assert assert_whole(copied.store, copied.database) == before
    assert len(Ledger(played_nights.store, "parcels").entries()) > before


@pytest.mark.parametrize("moment", ["3", ".parquet", "/models/"])
def test_retention_in_the_middle_takes_marks_and_data_alike(moment: str, aged: Nights, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    contents = _backed_up(aged, file, _before(moment), lambda: retain(aged))
    copied = put_house(file, tmp_path / "new", f"file://{tmp_path / 'new' / 'store'}")
    restored, now = hashes(copied.store), hashes(aged.store)
    assert now.items() <= restored.items()
    for key in restored:
        if key.endswith(MANIFEST_SUFFIX):
            _assert_named_files(copied.store, key, restored)
    assert any("removed while the backup was made" in note for note in contents.notes)


def _assert_named_files(store: Any, key: str, found: dict[str, str]) -> None:
    from include.operations.backup.archive import named_files

    for ref in named_files(store.get(key)):
        assert found.get(ref.key) == ref.sha256, (key, ref.key)


@pytest.mark.parametrize("moment", ["3", ".parquet"])
def test_a_day_prepared_again_comes_with_its_new_rows(moment: str, played_nights: Nights, tmp_path: Path) -> None:
    again, name = day(1), "parcels"
    mark = keys.features_manifest(name, again)
    first = played_nights.store.get(mark)

    def prepare() -> None:
        # the same key with other rows, which no stage writes: the worst there could be
        played_nights.write_day(again, make_rows(again, strength=9.0))

    file = tmp_path / "backup.tar"
    contents = _backed_up(played_nights, file, _before(moment), prepare)
    copied = put_house(file, tmp_path / "new", f"file://{tmp_path / 'new' / 'store'}")
    assert copied.store.get(mark) == played_nights.store.get(mark) != first
    _assert_named_files(copied.store, mark, hashes(copied.store))
    assert contents.notes == ()


def test_what_was_damaged_before_is_kept_and_told(played_nights: Nights, tmp_path: Path) -> None:
    store, mark = played_nights.store, keys.features_manifest("parcels", day(1))
    rows = next(one.key for one in store.list(f"parcels/features/date={day(1)}/") if one.key != mark)
    store.put(rows, b"other bytes")
    contents = copy_house(played_nights, tmp_path / "backup.tar")
    assert contents.notes == (f"{mark}: the store itself lacks, or holds otherwise, what it names: {rows}",)
    copied = put_house(tmp_path / "backup.tar", tmp_path / "new", f"file://{tmp_path / 'new' / 'store'}")
    assert hashes(copied.store) == hashes(store)


def test_a_missing_ledger_entry_is_told(played_nights: Nights, tmp_path: Path) -> None:
    key = keys.ledger_entry("parcels", 2)
    played_nights.store.delete(key)
    contents = copy_house(played_nights, tmp_path / "backup.tar")
    assert f"{key}: missing" in contents.notes
    assert contents.ledger_entries == 5


def test_a_store_that_fails_leaves_no_file(played_nights: Nights, tmp_path: Path) -> None:
    def fail() -> None:
        raise StoreError("the store", "it does not answer")

    with pytest.raises(StoreError):
        _backed_up(played_nights, tmp_path / "backup.tar", _before("/models/"), fail)
    assert [path.name for path in tmp_path.iterdir() if "backup.tar" in path.name] == []


def test_two_backups_into_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with new_archive(path, force=False) as archive:
        archive.add("object", "a", b"1")
        with pytest.raises(SettingsError, match="another backup is writing this file"), new_archive(path, force=True):
            pass
        with pytest.raises(BackupError, match="cannot be read"):
            ArchiveReader(path)


@pytest.mark.parametrize(
    ("key", "mark"),
    [
        ("parcels/ledger/00000001.json", True),
        ("namespace=pr-1/parcels/ledger/00000001.json", True),
        ("parcels/releases/champion.json", True),
        ("parcels/releases/version=3/manifest.json", True),
        ("parcels/raw/date=2024-01-01/snapshot=ab/manifest.json", True),
        ("parcels/releases/version=3/model.skops", False),
        ("parcels/decisions/d/decision.json", False),
        ("landing/ledger/1.json", False),
    ],
)
def test_marks_are_known_by_their_keys_whatever_is_before(key: str, mark: bool) -> None:
    assert is_mark(key) == mark
    assert ledger_of("namespace=pr-1/parcels/ledger/00000012.json") == ("namespace=pr-1/parcels", 12)


def test_marks_are_read_before_and_written_after_what_they_refer_to() -> None:
    there = [
        "p/raw/date=2024-01-01/manifest.json",
        "p/features/date=2024-01-01/manifest.json",
        "p/models/c/manifest.json",
        "p/releases/version=1/manifest.json",
        "p/ledger/00000001.json",
        "p/ledger/00000002.json",
        "p/releases/champion.json",
    ]
    assert sorted(there, key=writing_order) == there
    assert sorted(there, key=reading_order) == [there[6], there[4], there[5], *reversed(there[:4])]

"""Retention that is killed, overtaken or run twice at once: nothing half is left, and nothing that is needed goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from include.domain import clock
from include.domain.decision import LedgerEntry
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.models import read_rival
from include.io.tracking_removal import TrackingRemoval
from include.operations.retention.records import RetentionInputs
from include.operations.retention.run import run
from tests.operations.aged import assert_whole, gone, night_of, retain, size_of, versions_of
from tests.support.model_nights import Nights


class KilledError(Exception):
    """Stand for the end of the process."""


class Kills:
    """Let one deletion through, then end the process before the next, in the store and in MLflow alike."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = 0
        for owner, name in (
            (LocalStore, "delete"),
            (TrackingRemoval, "delete_version"),
            (TrackingRemoval, "delete_run"),
        ):
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, real: Callable[..., None]) -> Callable[..., None]:
        def delete(this: Any, name: str) -> None:
            if self.left == 0:
                raise KilledError
            self.left -= 1
            real(this, name)

        return delete


def _promotion_of(nights: Nights, version: str) -> Callable[..., LedgerEntry]:
    entry = next(entry for entry in Ledger(nights.store, "parcels").entries() if entry.version == version)
    release = nights.store.uri(keys.release_file("parcels", version, "manifest.json"))
    return lambda number, _: entry.model_copy(
        update={"number": number, "kind": "promotion", "verdict": None, "release_uri": release}
    )


def test_a_run_killed_at_any_deletion_is_completed_by_the_next(aged: Nights) -> None:
    before = size_of(aged.store)
    asked = retain(aged, dry_run=True)
    ledger = Ledger(aged.store, "parcels")
    deaths = 0
    with pytest.MonkeyPatch.context() as patch:
        kills = Kills(patch)
        while True:
            kills.left = 1
            try:
                last = retain(aged)
            except KilledError:
                deaths += 1
            else:
                break
            # what a reader finds is whole, and the champion is there
            assert_whole(aged.store)
            champion, _ = read_rival(aged.store, ledger, night_of(6))
            assert champion is not None and champion.entry.version == "3"
    # two versions with their runs go besides the objects; the last run had one deletion left, or none
    assert deaths >= asked.files + 2 * 2 - 1
    assert last.size <= max(one.size for one in asked.removed)
    assert before - size_of(aged.store) == asked.size
    assert versions_of(aged) == [2, 3, 5, 6]
    assert retain(aged).removed == ()


def test_two_runs_at_once_count_each_byte_once(aged: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    before = size_of(aged.store)
    second: list[int] = []
    real = LocalStore.delete

    def delete(this: LocalStore, key: str) -> None:
        if not second:
            second.append(0)
            second[0] = retain(aged).size
        real(this, key)

    monkeypatch.setattr(LocalStore, "delete", delete)
    first = retain(aged).size
    assert first + second[0] == before - size_of(aged.store)
    assert retain(aged).removed == ()
    assert_whole(aged.store)


def test_a_version_that_a_person_promotes_meanwhile_stays(aged: Nights) -> None:
    promote = _promotion_of(aged, "1")
    done: list[int] = []

    def progress(number: int, _: int) -> None:
        if number == 1:
            done.append(Ledger(aged.store, "parcels").append(promote).number)

    # after the plan, and before the version's turn
    inputs = RetentionInputs(store_url=aged.store_url, tracking_url=aged.tracking_url, dry_run=False)
    result = run(aged.project, inputs, progress)
    assert done
    assert [(one.name.split(" (")[0], one.left) for one in result.removed if one.kind == "versions"] == [
        ("version 1", "the ledger needs it by now"),
        ("version 4", ""),
    ]
    # but for the first day, whose features were gone by then
    left = [one for one in result.removed if one.left == "a version that the ledger needs by now was made from it"]
    assert len(left) == 7
    assert versions_of(aged) == [1, 2, 3, 5, 6]
    champion, _ = read_rival(aged.store, Ledger(aged.store, "parcels"), night_of(6))
    assert champion is not None and champion.entry.version == "1"
    assert_whole(aged.store)


def test_a_promotion_between_the_manifests_and_the_rest_gets_its_manifests_back(
    aged: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = keys.release_file("parcels", "1", "manifest.json")
    before = aged.store.get(mark)
    promote = _promotion_of(aged, "1")
    real = LocalStore.delete

    def delete(this: LocalStore, key: str) -> None:
        real(this, key)
        if key == mark:
            Ledger(aged.store, "parcels").append(promote)

    monkeypatch.setattr(LocalStore, "delete", delete)
    result = retain(aged)
    assert [one.left for one in result.removed if one.name.startswith("version 1")] == ["the ledger needs it by now"]
    assert aged.store.get(mark) == before
    assert_whole(aged.store)
    champion, _ = read_rival(aged.store, Ledger(aged.store, "parcels"), night_of(6))
    assert champion is not None and champion.entry.version == "1"


def test_a_day_that_is_written_anew_meanwhile_stays(aged: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = keys.features_manifest("parcels", night_of(1))
    real = LocalStore.delete

    def delete(this: LocalStore, key: str) -> None:
        real(this, key)
        if not written:
            written.append(key)
            # as a night does: the rows, then their manifest
            for one in aged.store.list(manifest.removesuffix("manifest.json")):
                aged.store.put(one.key, aged.store.get(one.key))

    written: list[str] = []
    # our clock is two days ahead, and so are the files of a writer of then
    real_put = LocalStore.put

    def put(this: LocalStore, key: str, data: bytes, **conditions: Any) -> Any:
        info = real_put(this, key, data, **conditions)
        moment = clock.now().timestamp()
        os.utime(this.root / key, (moment, moment))
        return info

    monkeypatch.setattr(LocalStore, "put", put)
    monkeypatch.setattr(LocalStore, "delete", delete)
    result = retain(aged)
    [left] = [one for one in result.removed if one.left]
    assert (left.kind, left.name, left.left) == (
        "features",
        night_of(1).isoformat(),
        "written within the last 24 hours",
    )
    assert aged.store.exists(manifest)
    assert gone(result, "versions") == ["version 1", "version 4"]
    assert_whole(aged.store)

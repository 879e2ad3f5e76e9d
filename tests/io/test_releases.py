"""A release never changes; the pointer to the one in force never moves back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest

from include.domain.errors import ArtifactDamagedError, PreconditionFailedError
from include.io import keys
from include.io.manifests import Manifest, get_file, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import ReleasePointer, point_at, publish_release, read_pointer

FILES = {"model.skops": b"model", "signature.json": b"{}"}

MakeManifest = Callable[..., Manifest]


def pointer(number: int, **changes: object) -> ReleasePointer:
    fields = {
        "project": "flights",
        "version": str(number),
        "ledger_number": number,
        "candidate_id": "c",
        "as_of": date(2013, 5, 1),
        "release_uri": "",
    }
    return ReleasePointer.model_validate({**fields, **changes})


def test_a_release_is_its_files_and_a_manifest(store: ObjectStore, make_manifest: MakeManifest) -> None:
    uri = publish_release(store, "flights", "3", FILES, make_manifest())
    manifest = read_manifest(store, store.key_of(uri))
    assert manifest is not None
    assert {name: get_file(store, ref) for name, ref in manifest.files.items()} == FILES
    assert uri == store.uri("flights/releases/version=3/manifest.json")


def test_publishing_again_changes_nothing(store: ObjectStore, make_manifest: MakeManifest) -> None:
    uri = publish_release(store, "flights", "3", FILES, make_manifest())
    before = {listed.key: store.read(listed.key) for listed in store.list()}
    later = make_manifest(made_at=datetime(2013, 6, 1, tzinfo=UTC))
    assert publish_release(store, "flights", "3", FILES, later) == uri
    assert {listed.key: store.read(listed.key) for listed in store.list()} == before


def test_a_publication_that_was_interrupted_is_finished(store: ObjectStore, make_manifest: MakeManifest) -> None:
    store.put(keys.release_file("flights", "3", "model.skops"), b"model")
    uri = publish_release(store, "flights", "3", FILES, make_manifest())
    assert read_manifest(store, store.key_of(uri)) is not None


def test_a_version_is_never_published_with_other_files(store: ObjectStore, make_manifest: MakeManifest) -> None:
    uri = publish_release(store, "flights", "3", FILES, make_manifest())
    with pytest.raises(PreconditionFailedError) as refused:
        publish_release(store, "flights", "3", {"model.skops": b"other", "extra": b""}, make_manifest())
    assert str(refused.value) == (
        f"{uri}: this version is published with other files, and a release never changes; "
        "got: different: extra, model.skops, signature.json; hint: publish under a new version"
    )
    assert store.get(keys.release_file("flights", "3", "model.skops")) == b"model"


def test_a_file_that_may_differ_is_kept_as_it_was_published_first(
    store: ObjectStore, make_manifest: MakeManifest
) -> None:
    first = {**FILES, "decision.json": b"first"}
    uri = publish_release(store, "flights", "3", first, make_manifest(), ("decision.json",))
    second = {**FILES, "decision.json": b"second"}
    assert publish_release(store, "flights", "3", second, make_manifest(), ("decision.json",)) == uri
    manifest = read_manifest(store, store.key_of(uri))
    assert manifest is not None
    assert {name: get_file(store, ref) for name, ref in manifest.files.items()} == first
    with pytest.raises(PreconditionFailedError, match=r"different: model\.skops; "):
        publish_release(store, "flights", "3", {**first, "model.skops": b"other"}, make_manifest(), ("decision.json",))


def test_two_that_publish_one_version_at_once_never_overwrite_each_other(
    store: ObjectStore, make_manifest: MakeManifest
) -> None:
    """Each writes its files before either has written the manifest."""
    for _ in range(3):
        version = str(len(list(store.list())))
        gate = Barrier(4)

        def publish(number: int, version: str = version, gate: Barrier = gate) -> str:
            files = {**FILES, "decision.json": f"decision {number}".encode()}
            gate.wait(30)
            return publish_release(store, "flights", version, files, make_manifest(), ("decision.json",))

        with ThreadPoolExecutor(4) as pool:
            [uri] = set(pool.map(publish, range(4)))
        manifest = read_manifest(store, store.key_of(uri))
        assert manifest is not None
        for ref in manifest.files.values():
            get_file(store, ref)


def test_only_a_release_manifest_publishes(store: ObjectStore, make_manifest: MakeManifest) -> None:
    with pytest.raises(ValueError, match="a manifest of kind 'release'"):
        publish_release(store, "flights", "3", FILES, make_manifest(kind="model"))
    with pytest.raises(ValueError, match=r"no file named manifest.json"):
        publish_release(store, "flights", "3", {"manifest.json": b""}, make_manifest())


def test_the_pointer_moves_forward_only(store: ObjectStore) -> None:
    assert read_pointer(store, "flights") is None
    for number, expected in ((2, 2), (5, 5), (3, 5), (5, 5), (6, 6)):
        point_at(store, "flights", pointer(number))
        assert read_pointer(store, "flights") == pointer(expected)


def test_a_pointer_of_the_same_entry_is_repaired(store: ObjectStore) -> None:
    point_at(store, "flights", pointer(2, release_uri="wrong"))
    point_at(store, "flights", pointer(2))
    assert read_pointer(store, "flights") == pointer(2)


def test_the_newest_of_many_writers_stays(store: ObjectStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: point_at(store, "flights", pointer(number)), [3, 8, 1, 6, 2, 7, 5, 4]))
    assert read_pointer(store, "flights") == pointer(8)


def test_a_damaged_pointer_is_said(store: ObjectStore) -> None:
    store.put(keys.release_pointer("flights"), b"{}")
    with pytest.raises(ArtifactDamagedError, match=r"champion.json: not a ReleasePointer of this version"):
        read_pointer(store, "flights")

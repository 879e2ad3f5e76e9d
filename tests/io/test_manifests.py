"""The commit mark names every file by its sha256, and is either whole or refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date

import pytest

from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError
from include.io import keys
from include.io.manifests import Manifest, get_file, put_file, read_manifest, write_manifest
from include.io.object_store import ObjectStore

KEY = keys.features_manifest("flights", date(2013, 5, 1))


def test_a_manifest_comes_back_as_it_was(store: ObjectStore, make_manifest: Callable[..., Manifest]) -> None:
    ref = put_file(store, "flights/features/date=2013-05-01/ab.parquet", b"rows", rows=3)
    manifest = make_manifest(kind="features", day=date(2013, 5, 1), files={"rows": ref}, details={"unlabelled": 2})
    write_manifest(store, KEY, manifest)
    found = read_manifest(store, KEY)
    assert found == manifest
    assert get_file(store, found.files["rows"]) == b"rows"
    assert (ref.sha256, ref.size, ref.rows) == (hashlib.sha256(b"rows").hexdigest(), 4, 3)
    assert json.loads(store.get(KEY))["day"] == "2013-05-01"


def test_an_artifact_without_manifest_does_not_exist(store: ObjectStore) -> None:
    put_file(store, "flights/features/date=2013-05-01/ab.parquet", b"rows")
    assert read_manifest(store, KEY) is None


def test_changed_bytes_are_refused_with_both_hashes(store: ObjectStore) -> None:
    ref = put_file(store, "p/x", b"rows")
    store.put("p/x", b"rowz")
    with pytest.raises(ChecksumMismatchError) as refused:
        get_file(store, ref)
    assert str(refused.value) == (
        f"{store.uri('p/x')}: the bytes are not those the manifest names; "
        f"got: sha256 {hashlib.sha256(b'rowz').hexdigest()}, 4 bytes; "
        f"allowed: sha256 {ref.sha256}, 4 bytes; hint: prepare the artifact again with force"
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"status": "half"}, "status: Input should be 'complete' or 'rejected'"),
        ({"invented": 1}, "invented: Extra inputs are not permitted"),
        ({"files": {"rows": {"key": "p/x"}}}, "files.rows.sha256: Field required"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(
    store: ObjectStore, make_manifest: Callable[..., Manifest], change: dict[str, object], found: str
) -> None:
    fields = make_manifest().model_dump(mode="json")
    store.put(KEY, json.dumps({**fields, **change}).encode())
    with pytest.raises(ArtifactDamagedError) as refused:
        read_manifest(store, KEY)
    assert str(refused.value) == (
        f"{store.uri(KEY)}: not a Manifest of this version; got: {found}; "
        "hint: it was written by another version or changed by hand"
    )


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(store: ObjectStore, data: bytes) -> None:
    store.put(KEY, data)
    with pytest.raises(ArtifactDamagedError, match=r"not a Manifest of this version; got: the whole text: "):
        read_manifest(store, KEY)

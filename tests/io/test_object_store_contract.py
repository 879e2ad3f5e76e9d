"""One contract, run on a local folder and on a real S3 server."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from include.domain.errors import InvalidKeyError, ObjectMissingError, PreconditionFailedError, SettingsError
from include.io.object_store import ObjectStore
from include.io.stores import open_store

UNICODE_KEYS = ("p/naïve café.json", "p/日本/データ.parquet", "p/emoji-🛫", "p/a b+c%2F&d=e?f#g.json")


def test_a_put_object_is_read_back_whole(store: ObjectStore) -> None:
    data = bytes(range(256)) * 5000
    info = store.put("p/raw/table.parquet", data)
    found = store.read("p/raw/table.parquet")
    assert hashlib.sha256(found.data).digest() == hashlib.sha256(data).digest()
    assert info.size == len(data)
    assert found.etag == info.etag == store.head("p/raw/table.parquet").etag  # type: ignore[union-attr]


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("p/empty", b"")
    assert store.exists("p/empty")
    assert store.get("p/empty") == b""
    assert store.read_range("p/empty", 0, 10) == b""


def test_an_unconditional_put_replaces(store: ObjectStore) -> None:
    first = store.put("p/x", b"one")
    second = store.put("p/x", b"two")
    assert first.etag != second.etag
    assert store.get("p/x") == b"two"


def test_create_only_refuses_an_existing_key(store: ObjectStore) -> None:
    store.put("p/x", b"one", if_absent=True)
    with pytest.raises(PreconditionFailedError, match=r"p/x: a create-only write lost: the object exists"):
        store.put("p/x", b"two", if_absent=True)
    # the same bytes lose as well: who came first matters, not what was written
    with pytest.raises(PreconditionFailedError):
        store.put("p/x", b"one", if_absent=True)
    assert store.get("p/x") == b"one"


def test_create_only_works_again_after_a_delete(store: ObjectStore) -> None:
    store.put("p/x", b"one", if_absent=True)
    store.delete("p/x")
    store.put("p/x", b"two", if_absent=True)
    assert store.get("p/x") == b"two"


def test_compare_and_set_follows_the_etag(store: ObjectStore) -> None:
    first = store.put("p/x", b"one")
    second = store.put("p/x", b"two", if_match=first.etag)
    with pytest.raises(PreconditionFailedError, match="the object has changed since it was read"):
        store.put("p/x", b"three", if_match=first.etag)
    assert store.get("p/x") == b"two"
    store.put("p/x", b"three", if_match=second.etag)
    assert store.get("p/x") == b"three"


def test_compare_and_set_on_what_is_gone_is_refused(store: ObjectStore) -> None:
    first = store.put("p/x", b"one")
    store.delete("p/x")
    with pytest.raises(PreconditionFailedError):
        store.put("p/x", b"two", if_match=first.etag)
    assert not store.exists("p/x")


def test_the_etags_of_put_head_and_read_agree(store: ObjectStore) -> None:
    info = store.put("p/x", b"one")
    assert store.head("p/x") == info
    assert store.read("p/x").etag == info.etag


def test_a_listing_says_size_and_time_of_each_object(store: ObjectStore) -> None:
    # whole seconds: S3 tells no fractions
    before = datetime.now(UTC).replace(microsecond=0)
    store.put("p/x", b"one")
    store.put("p/x", b"three")
    store.put("p/y", b"")
    after = datetime.now(UTC)
    listed = list(store.list("p/"))
    assert [(one.key, one.size) for one in listed] == [("p/x", 5), ("p/y", 0)]
    assert all(before <= one.modified <= after and one.modified.tzinfo == UTC for one in listed)


def test_a_listing_says_of_a_replaced_object_when_it_was_replaced(store: ObjectStore) -> None:
    store.put("p/x", b"one")
    [first] = store.list("p/x")
    time.sleep(1.1)
    store.put("p/x", b"one")
    [second] = store.list("p/x")
    assert second.modified > first.modified


def test_a_condition_of_both_kinds_is_a_mistake(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        store.put("p/x", b"", if_absent=True, if_match="e")


@pytest.mark.parametrize("key", ["p/nothing", "p", "nothing/at/all"])
def test_a_missing_key_is_said_to_be_missing(store: ObjectStore, key: str) -> None:
    store.put("p/x", b"one")
    assert store.head(key) is None
    assert not store.exists(key)
    with pytest.raises(ObjectMissingError, match=f"{key}: the key holds no object"):
        store.get(key)
    with pytest.raises(ObjectMissingError):
        store.read_range(key, 0, 4)
    with pytest.raises(ObjectMissingError):
        store.read_range(key, 0, 0)


def test_a_delete_is_done_once_and_said_never(store: ObjectStore) -> None:
    store.put("p/x", b"one")
    store.delete("p/x")
    store.delete("p/x")
    assert list(store.list()) == []


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 100, b"89"), (9, 1, b"9"), (10, 5, b""), (99, 1, b""), (4, 0, b"")],
)
def test_a_range_is_read(store: ObjectStore, start: int, length: int, expected: bytes) -> None:
    store.put("p/x", b"0123456789")
    assert store.read_range("p/x", start, length) == expected


def test_a_negative_range_is_a_mistake(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="must not be negative, got -1 and 4"):
        store.read_range("p/x", -1, 4)


def test_a_listing_has_the_keys_of_the_prefix_in_byte_order(store: ObjectStore) -> None:
    for key in ("p/a/z", "p/a-b", "p/a.b", "p/a/b", "p/ab", "p/B", "p/é", "q/x", "pp/x"):
        store.put(key, key.encode())
    assert [info.key for info in store.list("p/")] == ["p/B", "p/a-b", "p/a.b", "p/a/b", "p/a/z", "p/ab", "p/é"]
    assert [info.key for info in store.list("p/a")] == ["p/a-b", "p/a.b", "p/a/b", "p/a/z", "p/ab"]
    assert [info.key for info in store.list("p")][-1] == "pp/x"
    assert [info.size for info in store.list("p/a/")] == [5, 5]
    assert list(store.list("none/")) == []
    assert len(list(store.list())) == 9


def test_1200_keys_are_listed_over_several_pages(store: ObjectStore) -> None:
    keys = [f"p/ledger/{number:08d}.json" for number in range(1200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b"{}"), keys))
    assert [info.key for info in store.list("p/ledger/")] == keys


@pytest.mark.parametrize("key", UNICODE_KEYS)
def test_any_unicode_key_is_kept(store: ObjectStore, key: str) -> None:
    store.put(key, b"x", if_absent=True)
    assert store.get(key) == b"x"
    assert [info.key for info in store.list("p/")] == [key]
    store.delete(key)
    assert not store.exists(key)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "a key is needed"),
        ("/etc/passwd", "a relative path"),
        ("../outside", "a relative path"),
        ("p/../../outside", "a relative path"),
        ("p/./x", "a relative path"),
        ("p//x", "a relative path"),
        ("p/", "a relative path"),
        ("p\\x", "control characters and backslashes"),
        ("p/\x00", "control characters and backslashes"),
        ("p/\ud800", "not valid Unicode"),
        (".nightshift-locks/001", "belong to the store"),
        ("p/.nightshift-tmp-1", "belong to the store"),
        ("p/" + "x" * 201, "too long"),
        ("/".join(["x" * 100] * 11), "too long"),
    ],
)
def test_a_key_that_is_no_plain_relative_path_is_refused(store: ObjectStore, key: str, message: str) -> None:
    for use in (lambda: store.put(key, b""), lambda: store.read(key), lambda: store.delete(key)):
        with pytest.raises(InvalidKeyError, match=message):
            use()


def test_a_listing_cannot_leave_the_store(store: ObjectStore) -> None:
    with pytest.raises(InvalidKeyError, match="a relative path"):
        list(store.list("../"))


def test_an_address_leads_back_to_its_key(store: ObjectStore, store_url: str) -> None:
    store.put("p/x", b"one")
    uri = store.uri("p/x")
    assert uri == f"{store_url}/p/x"
    assert open_store(store_url + "/").get(store.key_of(uri)) == b"one"


def test_the_probe_lets_a_sound_store_pass_and_leaves_nothing(store: ObjectStore) -> None:
    store.probe()
    assert list(store.list()) == []


@pytest.mark.parametrize("url", ["http://host/x", "/plain/path", "file://relative/path", "s3://", "s3:///prefix"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"the object store's URL: .*; got: .*; allowed: "):
        open_store(url)


def test_clear_takes_a_folder_and_nothing_beside_it(store: ObjectStore) -> None:
    inside = open_store(f"{store.url}/namespace=a")
    for key in ("x.json", "deep/er/y.json"):
        inside.put(key, b"goes", if_absent=True)
    inside.put("x.json", b"goes, too", if_match=inside.put("x.json", b"goes").etag)
    for key in ("namespace=ab/x.json", "namespace=.json", "x.json"):
        store.put(key, b"stays")
    assert store.clear("namespace=a/") == 2
    assert {listed.key for listed in store.list()} == {"namespace=ab/x.json", "namespace=.json", "x.json"}
    assert list(inside.list()) == []
    assert store.clear("namespace=a/") == 0
    with pytest.raises(ValueError, match="a folder ends with '/', got 'namespace=a'"):
        store.clear("namespace=a")

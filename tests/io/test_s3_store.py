"""What only a network can do wrong: lost answers, broken bodies, wrong credentials, servers that ignore conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import boto3
import pytest

from include.domain.errors import PreconditionFailedError, StoreError, StoreRefusedError, StoreUnsafeError
from include.io.s3_store import S3Store
from include.io.stores import open_store
from include.stack.environment import free_ports
from include.stack.object_server import ObjectServer
from tests.support.s3_proxy import Exchange, S3Proxy, Tamper, once

CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code><Message>conflicting operation</Message></Error>"
NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"

Through = Callable[[Tamper], AbstractContextManager[tuple[S3Store, S3Proxy]]]


@pytest.fixture
def through(s3_url: str, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Through:
    """Return a maker of stores that reach the server through a proxy which spoils answers."""

    @contextmanager
    def open_through(tamper: Tamper) -> Iterator[tuple[S3Store, S3Proxy]]:
        with S3Proxy(object_server.endpoint, tamper) as proxy:
            with monkeypatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
                store = S3Store(s3_url)
            yield store, proxy

    return open_through


def broken_line(exchange: Exchange) -> None:
    return None


def test_a_create_whose_answer_was_lost_is_known_as_our_own(through: Through) -> None:
    with through(once(broken_line, "PUT")) as (store, proxy):
        info = store.put("p/x", b"mine", if_absent=True)
        assert proxy.seen[:2] == ["PUT 200", "PUT 412"]
        assert store.head("p/x") == info


def test_a_compare_and_set_whose_answer_was_lost_is_known_as_our_own(through: Through, s3_url: str) -> None:
    etag = open_store(s3_url).put("p/x", b"before").etag
    with through(once(broken_line, "PUT")) as (store, proxy):
        info = store.put("p/x", b"mine", if_match=etag)
        assert proxy.seen[:2] == ["PUT 200", "PUT 412"]
        assert store.read("p/x").etag == info.etag


def test_a_repeated_write_that_lost_to_another_writer_has_lost(through: Through, s3_url: str) -> None:
    open_store(s3_url).put("p/x", b"theirs")
    with through(once(broken_line, "PUT")) as (store, _), pytest.raises(PreconditionFailedError, match="object exists"):
        store.put("p/x", b"mine", if_absent=True)
    assert open_store(s3_url).get("p/x") == b"theirs"


def test_a_conflict_of_two_writers_is_tried_again(through: Through, s3_url: str) -> None:
    # the request is undone, as a server that answers 409 has written nothing
    def conflict(exchange: Exchange) -> Exchange:
        open_store(s3_url).delete("p/x")
        return exchange.answer(409, CONFLICT)

    with through(once(conflict, "PUT")) as (store, proxy):
        store.put("p/x", b"mine", if_absent=True)
        assert store.get("p/x") == b"mine"
        assert [seen for seen in proxy.seen if seen.startswith("PUT")] == ["PUT 200", "PUT 200"]


def test_a_compare_and_set_answered_by_404_has_lost(through: Through, s3_url: str) -> None:
    etag = open_store(s3_url).put("p/x", b"before").etag
    open_store(s3_url).delete("p/x")

    # AWS answers 404 where this server answers 412
    with (
        through(once(lambda exchange: exchange.answer(404, NO_SUCH_KEY), "PUT")) as (store, _),
        pytest.raises(PreconditionFailedError, match="the object has changed since it was read"),
    ):
        store.put("p/x", b"mine", if_match=etag)


def test_a_body_that_breaks_off_is_read_again(through: Through, s3_url: str) -> None:
    open_store(s3_url).put("p/x", b"0123456789" * 1000)

    def cut(exchange: Exchange) -> Exchange:
        return Exchange(**{**vars(exchange), "cut": 5000})

    with through(once(cut, "GET")) as (store, proxy):
        assert store.get("p/x") == b"0123456789" * 1000
        assert proxy.seen.count("GET 200") == 2


def test_a_body_with_a_flipped_bit_is_read_again(through: Through, s3_url: str) -> None:
    open_store(s3_url).put("p/x", b"0123456789")

    def flip(exchange: Exchange) -> Exchange:
        return Exchange(**{**vars(exchange), "body": b"0123456788"})

    with through(once(flip, "GET")) as (store, proxy):
        assert store.get("p/x") == b"0123456789"
        assert proxy.seen.count("GET 200") == 2
    with (
        through(lambda exchange: flip(exchange) if exchange.method == "GET" else exchange) as (store, _),
        pytest.raises(StoreError, match="bytes came back that do not have their checksum"),
    ):
        store.get("p/x")


def test_bytes_changed_on_their_way_are_refused_by_the_server(s3_url: str) -> None:
    store = S3Store(s3_url)
    client = boto3.client("s3")
    with pytest.raises(client.exceptions.ClientError, match=r"BadDigest|XAmzContentChecksumMismatch"):
        client.put_object(
            Bucket=store.bucket,
            Key="p/x",
            Body=b"changed",
            ChecksumSHA256="n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
        )


def without_condition(name: str) -> Tamper:
    """Return a tamper that writes anyway when a condition does not hold, as servers do that never look at it."""
    client = boto3.client("s3")

    def ignore(exchange: Exchange) -> Exchange:
        headers = {header.lower() for header in exchange.sent}
        if exchange.method != "PUT" or exchange.status != 412 or name not in headers:
            return exchange
        bucket, key = exchange.path.lstrip("/").split("/", 1)
        answer = client.put_object(Bucket=bucket, Key=key, Body=b"ignored")
        return exchange.answer(200, ETag=answer["ETag"])

    return ignore


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("if-none-match", "a create-only write over an existing object succeeded"),
        ("if-match", "a compare-and-set with a stale ETag succeeded"),
    ],
)
def test_a_server_that_ignores_a_condition_is_refused(
    through: Through, s3_url: str, condition: str, found: str
) -> None:
    with through(without_condition(condition)) as (store, _), pytest.raises(StoreUnsafeError) as refused:
        store.probe()
    assert str(refused.value) == (
        f"{s3_url}: conditional writes do not hold here, so promotions could be lost; got: {found}; "
        "hint: use AWS S3, SeaweedFS 4.48 or newer, or a file:// store"
    )
    assert list(open_store(s3_url).list()) == []


@pytest.mark.usefixtures("aws_environment")
def test_a_missing_bucket_is_said() -> None:
    store = open_store("s3://no-such-bucket/prefix")
    with pytest.raises(StoreRefusedError) as refused:
        store.probe()
    assert "the bucket does not exist; got: 404 NoSuchBucket" in str(refused.value)
    assert "hint: create the bucket, or correct NIGHTSHIFT_STORE_URL" in str(refused.value)
    for use in (lambda: store.get("x"), lambda: list(store.list()), lambda: store.put("x", b"")):
        with pytest.raises(StoreRefusedError, match="the bucket does not exist"):
            use()


@pytest.mark.parametrize(
    ("variable", "message"),
    [("AWS_ACCESS_KEY_ID", "the access key is not known"), ("AWS_SECRET_ACCESS_KEY", "the secret key is wrong")],
)
def test_wrong_credentials_are_said(s3_url: str, monkeypatch: pytest.MonkeyPatch, variable: str, message: str) -> None:
    monkeypatch.setenv(variable, "wrong")
    with pytest.raises(StoreRefusedError, match=rf"p/x: {message}; got: 403 .*; hint: correct {variable}"):
        open_store(s3_url).put("p/x", b"")
    assert not StoreRefusedError.retryable


def test_missing_credentials_are_said(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreRefusedError, match=r"no credentials for the object store; .*hint: set AWS_ACCESS_KEY_ID"):
        open_store(s3_url).put("p/x", b"")


def test_a_server_that_does_not_answer_is_said_and_worth_a_retry(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(
        StoreError, match=r"the object store does not answer; .*is AWS_ENDPOINT_URL_S3 its address"
    ) as e:
        open_store(s3_url).get("p/x")
    assert e.value.retryable


def test_a_bucket_without_prefix_is_a_store(object_server: ObjectServer, s3_url: str) -> None:
    prefix = s3_url.rpartition("/")[2]
    whole = open_store(f"s3://{object_server.bucket}")
    whole.put(f"{prefix}/p/x", b"one")
    assert [info.key for info in open_store(s3_url).list()] == ["p/x"]
    assert whole.uri(f"{prefix}/p/x") == open_store(s3_url).uri("p/x")

"""Keep objects on S3 or a server that speaks S3, with conditional writes, checksums and helpful errors."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from include.domain.errors import (
    ObjectMissingError,
    PreconditionFailedError,
    SettingsError,
    StoreError,
    StoreRefusedError,
)
from include.io.object_store import (
    Listed,
    ObjectInfo,
    ObjectStore,
    StoredObject,
    check_key,
    check_prefix,
    key_order,
    probe_conditions,
)

_REFUSALS = {
    "NoSuchBucket": ("the bucket does not exist", "create the bucket, or correct NIGHTSHIFT_STORE_URL"),
    "InvalidAccessKeyId": ("the access key is not known", "correct AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": ("the secret key is wrong", "correct AWS_SECRET_ACCESS_KEY"),
    "AccessDenied": ("not permitted", "the credentials need to list, read, write and delete in this bucket"),
    "ExpiredToken": ("the credentials have expired", "log in again"),
    "InvalidToken": ("the session token is not valid", "correct or unset AWS_SESSION_TOKEN"),
    "InvalidBucketName": ("not a bucket's name", "correct NIGHTSHIFT_STORE_URL"),
    "NotImplemented": ("the server cannot do this", "use AWS S3, SeaweedFS 4.48 or newer, or a file:// store"),
}


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: ClientError) -> str:
    """Return S3's word for the error, for example "NoSuchKey"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def store_error(error: ClientError | BotoCoreError, where: str) -> StoreError:
    """Return our error for the client's, ready to be raised."""
    if isinstance(error, ClientError):
        return _answered(error, where)
    if isinstance(error, botocore_errors.NoCredentialsError | botocore_errors.PartialCredentialsError):
        return StoreRefusedError(
            where,
            "no credentials for the object store",
            got=str(error),
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if isinstance(error, botocore_errors.FlexibleChecksumError):
        return StoreError(where, "bytes came back that do not have their checksum", got=str(error))
    if isinstance(error, botocore_errors.ConnectionError | botocore_errors.HTTPClientError):
        return StoreError(
            where,
            "the object store does not answer",
            got=str(error),
            hint="is the server running, and is AWS_ENDPOINT_URL_S3 its address?",
        )
    return StoreError(where, "the S3 client failed", got=str(error))


def _answered(error: ClientError, where: str) -> StoreError:
    code, status = code_of(error), status_of(error)
    got = f"{status} {code}: {error.response.get('Error', {}).get('Message', '')}"
    if code in _REFUSALS:
        what, hint = _REFUSALS[code]
        return StoreRefusedError(where, what, got=got, hint=hint)
    if status in (401, 403):
        what, hint = _REFUSALS["AccessDenied"]
        return StoreRefusedError(where, what, got=got, hint=hint)
    return StoreError(where, "the object store answered with an error", got=got)


# each client tells at INFO where it has found its credentials and endpoint
logging.getLogger("botocore").setLevel(logging.WARNING)
DEFAULT_REGION = "us-east-1"
READ_ATTEMPTS = 3
CONFLICT_ATTEMPTS = 6
CONFLICT_PAUSE_SECONDS = 0.2


class S3Store(ObjectStore):
    """Read and write whole objects under a bucket and prefix."""

    def __init__(self, url: str) -> None:
        """Make the client; nothing is sent yet.

        Raises:
            SettingsError: The URL is not `s3://bucket` or `s3://bucket/prefix`, or the AWS settings contradict.
        """
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
            raise SettingsError(
                "the object store's URL", "a bucket is needed", got=url, allowed=("s3://bucket", "s3://bucket/prefix")
            )
        self.bucket = parts.netloc
        self._prefix = f"{check_key(prefix)}/" if prefix else ""
        self.url = f"s3://{self.bucket}/{prefix}".rstrip("/")
        self._client = _client()

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        """Write an object atomically; the server checks the bytes by their sha256 (see `ObjectStore.put`)."""
        if if_absent and if_match is not None:
            raise ValueError("if_absent and if_match exclude each other")
        condition: dict[str, Any] = {}
        if if_absent:
            condition["IfNoneMatch"] = "*"
        if if_match is not None:
            condition["IfMatch"] = if_match
        for attempt in range(1, CONFLICT_ATTEMPTS + 1):
            try:
                answer = self._client.put_object(
                    **self._at(key), Body=data, ChecksumSHA256=_checksum(data), **condition
                )
            except ClientError as error:
                # 409: another conditional write to this key was under way, and nothing was written
                if condition and status_of(error) == 409 and attempt < CONFLICT_ATTEMPTS:
                    time.sleep(CONFLICT_PAUSE_SECONDS * attempt)
                    continue
                return self._lost_or_ours(key, data, error, if_match)
            except BotoCoreError as error:
                raise store_error(error, self.uri(key)) from error
            return ObjectInfo(key, len(data), answer["ETag"])
        raise AssertionError("the last attempt returns or raises")

    def read(self, key: str) -> StoredObject:
        """Return an object with its ETag; botocore checks the bytes by the checksum they were written with."""
        return self._read(key)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from offset `start` (fewer at the end of the object)."""
        if start < 0 or length < 0:
            raise ValueError(f"start and length must not be negative, got {start} and {length}")
        if length == 0:
            if self.head(key) is None:
                raise self._missing(key)
            return b""
        try:
            return self._read(key, Range=f"bytes={start}-{start + length - 1}").data
        except _PastEndError:
            return b""

    def head(self, key: str) -> ObjectInfo | None:
        """Return an object's size and ETag, or None when the key holds nothing."""
        try:
            answer = self._client.head_object(**self._at(key))
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise store_error(error, self.uri(key)) from error
        except BotoCoreError as error:
            raise store_error(error, self.uri(key)) from error
        return ObjectInfo(key, answer["ContentLength"], answer["ETag"])

    def list(self, prefix: str = "") -> Iterator[Listed]:
        """Yield the objects whose key starts with `prefix`, in key order."""
        start = self._prefix + check_prefix(prefix)
        found: list[Listed] = []
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start):
                for item in page.get("Contents", []):
                    key = item["Key"][len(self._prefix) :]
                    found.append(Listed(key, item["Size"], item["LastModified"].astimezone(UTC)))
        except (ClientError, BotoCoreError) as error:
            raise store_error(error, self.uri(prefix)) from error
        # sorted here, because servers that keep folders list `a/b` before `a-b`, and S3 after it
        yield from sorted((one for one in found if not one.key.endswith("/")), key=lambda one: key_order(one.key))

    def delete(self, key: str) -> None:
        """Delete an object; deleting what is not there is no error."""
        try:
            self._client.delete_object(**self._at(key))
        except (ClientError, BotoCoreError) as error:
            raise store_error(error, self.uri(key)) from error

    def probe(self) -> None:
        """Refuse a server whose conditional writes do not hold."""
        probe_conditions(self)

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket, "Key": self._prefix + check_key(key)}

    def _read(self, key: str, **only: str) -> StoredObject:
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                answer = self._client.get_object(**self._at(key), ChecksumMode="ENABLED", **only)
                return StoredObject(answer["Body"].read(), answer["ETag"])
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    raise self._missing(key) from error
                if status_of(error) == 416:
                    raise _PastEndError from error
                raise store_error(error, self.uri(key)) from error
            except BotoCoreError as error:
                # botocore repeats requests, but not a body that breaks off or fails its checksum
                if attempt == READ_ATTEMPTS:
                    raise store_error(error, self.uri(key)) from error
        raise AssertionError("the last attempt returns or raises")

    def _lost_or_ours(self, key: str, data: bytes, error: ClientError, if_match: str | None) -> ObjectInfo:
        """Judge a refused write: lost to another writer, or our own first attempt whose answer was lost."""
        # AWS says 404, others 412, when the object of an IfMatch is gone
        gone = if_match is not None and status_of(error) == 404 and code_of(error) != "NoSuchBucket"
        refused = status_of(error) == 412 or gone
        if not refused:
            raise store_error(error, self.uri(key)) from error
        if error.response["ResponseMetadata"].get("RetryAttempts", 0):
            try:
                current = self.read(key)
            except ObjectMissingError:
                current = None
            if current is not None and current.data == data:
                return ObjectInfo(key, len(data), current.etag)
        if if_match is None:
            what = "a create-only write lost: the object exists"
        else:
            what = "the object has changed since it was read"
        raise PreconditionFailedError(self.uri(key), what, allowed=(if_match,) if if_match else ()) from error

    def _missing(self, key: str) -> ObjectMissingError:
        return ObjectMissingError(self.uri(key), "the key holds no object")


class _PastEndError(Exception):
    """Say that a range starts past the end of its object."""


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _client() -> Any:
    """Make a client; a server of one's own is addressed by path, as its host has no name for each bucket."""
    try:
        session = Session()
        session.register_component("data_loader", _descriptions())
        region = session.get_config_variable("region") or DEFAULT_REGION
        client = session.create_client("s3", region_name=region, config=_config({}))
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            return client
        return session.create_client("s3", region_name=region, config=_config({"addressing_style": "path"}))
    except (BotoCoreError, ValueError) as error:
        raise SettingsError("AWS settings", "no S3 client can be made of them", got=str(error)) from error


@cache
def _descriptions() -> Loader:
    """Return the reader of botocore's descriptions of services; reading them takes most of the time of a client."""
    return create_loader()


def _config(s3: dict[str, str]) -> Config:
    return Config(
        s3=s3,  # type: ignore[arg-type]
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=16,
        tcp_keepalive=True,
    )

"""Open the object store that a URL names."""

from __future__ import annotations

from include.domain.errors import SettingsError
from include.io.local_store import LocalStore
from include.io.object_store import ObjectStore


def open_store(url: str) -> ObjectStore:
    """Return the store at `file:///folder` or `s3://bucket/prefix`.

    Raises:
        SettingsError: The URL has another scheme.
    """
    if url.startswith("file://"):
        return LocalStore(url)
    if url.startswith("s3://"):
        # boto3 is loaded only for a store that needs it
        from include.io.s3_store import S3Store

        return S3Store(url)
    raise SettingsError(
        "the object store's URL",
        "unknown scheme",
        got=url,
        allowed=("file:///folder", "s3://bucket/prefix"),
        hint="set NIGHTSHIFT_STORE_URL",
    )

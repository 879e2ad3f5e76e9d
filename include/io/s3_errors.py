"""Say what an S3 client's error means for us: a refusal with its likely fix, or a store that may answer later."""

from __future__ import annotations

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError, ClientError

from include.config.errors import StoreError, StoreRefusedError

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

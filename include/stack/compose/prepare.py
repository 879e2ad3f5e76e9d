"""Prepare the servers of the docker stack; run once before its services start, and harmless when run again.

Makes the bucket and refuses a store whose conditional writes do not hold, brings Airflow's database to this version
with the pools of `airflow_settings.yaml`, and writes the file of users.
"""

from __future__ import annotations

import logging
import os
import time
from urllib.parse import urlsplit

from include.config.credentials import load_credentials, write_password_file
from include.config.settings import ROOT, Settings
from include.domain.errors import NightshiftError, SettingsError, StoreError
from include.io.stores import open_store
from include.stack.environment import password_file, read_airflow_settings
from include.stack.prepare import prepare_airflow

ATTEMPTS = 30
PAUSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


def main() -> None:
    """Prepare everything.

    Raises:
        SettingsError, StoreError: The store or its bucket cannot be used.
    """
    settings = Settings.from_environment()
    make_bucket(settings.store_url)
    open_store(settings.store_url).probe()
    _log.info("the store %s holds its conditional writes", settings.store_url)
    write_password_file(password_file(settings.home), load_credentials(settings.home))
    prepare_airflow([pool.model_dump() for pool in read_airflow_settings(ROOT).pools])
    _log.info("Airflow's database is ready")


def make_bucket(store_url: str) -> None:
    """Make the bucket of an `s3://` store when it is not there; the server may still be starting."""
    if not store_url.startswith("s3://"):
        return
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket = urlsplit(store_url).netloc
    client = boto3.client("s3", region_name=os.environ.get("AWS_REGION", "us-east-1"))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            client.create_bucket(Bucket=bucket)
            return
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                return
            if code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
                raise SettingsError(
                    f"bucket {bucket}", "the store refuses our keys", got=code, hint="S3_ACCESS_KEY, S3_SECRET_KEY"
                ) from error
            reason: Exception = error
        except BotoCoreError as error:
            reason = error
        if attempt == ATTEMPTS:
            raise StoreError(f"bucket {bucket}", "cannot be made", got=str(reason)) from reason
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main()
    except NightshiftError as error:
        raise SystemExit(str(error)) from None

"""Say that MLflow did not do what it was asked for, whichever of its libraries says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from include.config.errors import TrackingError
from include.io.tracking_database import without_password


@contextmanager
def tracking_errors(tracking_url: str, doing: str) -> Iterator[None]:
    """Turn a failure of MLflow, or of the way to it, into ours.

    Args:
        tracking_url: MLflow's address; shown without a password.
        doing: What is being done, after "could not".

    Raises:
        TrackingError: It failed.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except Exception as error:
        known = isinstance(error, (MlflowException, RequestException, SQLAlchemyError, OSError))
        # told by their module: boto3 is imported only where artifacts are kept on S3
        if not known and not type(error).__module__.startswith(("boto3.", "botocore.")):
            raise
        raise TrackingError(
            f"MLflow at {without_password(tracking_url)}",
            f"could not {doing}",
            got=" ".join(str(error).split())[:300],
            hint="is the tracking server or database reachable?",
        ) from error

"""Find MLflow's server or database, make its SQLite file once, and turn its libraries' failures into one error."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from include.domain.errors import TrackingError
from include.domain.names import split_tracking, store_prefix
from include.io.keys import tracking_artifacts

BUSY_TIMEOUT_SECONDS = 60
# which file each database was when it was last looked at
_SEEN: dict[Path, int] = {}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def quiet_mlflow() -> None:
    """Set the variables that keep MLflow quiet and at home; works only before its first import."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def busy_safe(tracking_url: str) -> str:
    """Return MLflow's own address, with a busy timeout for SQLite: without one, a second writer fails at once."""
    tracking_url, _ = split_tracking(tracking_url)
    if not tracking_url.startswith("sqlite:"):
        return tracking_url
    address, _, query = tracking_url.partition("?")
    return f"{address}?{urlencode({'timeout': str(BUSY_TIMEOUT_SECONDS), **dict(parse_qsl(query))})}"


def prepare_tracking(tracking_url: str) -> None:
    """Create or upgrade MLflow's database, once, whoever comes first; a prepared one costs a few file reads.

    Args:
        tracking_url: `sqlite:////folder/file.db`; nothing is done for a server or another database.

    Raises:
        TrackingError: The database cannot be made.
    """
    tracking_url, _ = split_tracking(tracking_url)
    if not tracking_url.startswith("sqlite:///"):
        return
    path = Path(tracking_url.partition("?")[0].removeprefix("sqlite:///"))
    marker = path.with_name(path.name + ".prepared")
    _leave_replaced(path)
    if _is_prepared(path, marker):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_prepared(path, marker):
                _create(path)
                marker.write_text(version("mlflow"))
            _SEEN[path] = _identity(path)
    except OSError as error:
        raise TrackingError(
            f"sqlite:///{path}", "MLflow's database cannot be made", got=str(error), hint="set NIGHTSHIFT_TRACKING_URL"
        ) from error


def _leave_replaced(path: Path) -> None:
    """Close this process's connections when the file is another one than before: it was lost, or restored.

    MLflow keeps its connections for the life of a process, and would go on writing into a file that is deleted.
    """
    found = _identity(path)
    if found and _SEEN.setdefault(path, found) == found:
        return
    _SEEN[path] = found
    for module in ("tracking", "model_registry"):
        store = getattr(sys.modules.get(f"mlflow.store.{module}.sqlalchemy_store"), "SqlAlchemyStore", None)
        for address, engine in list(getattr(store, "_engine_map", {}).items()):
            if address.partition("?")[0] == f"sqlite:///{path}":
                engine.dispose()


def _identity(path: Path) -> int:
    """Return what tells one file from another of the same path; 0 when there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _is_prepared(path: Path, marker: Path) -> bool:
    try:
        return path.stat().st_size > 0 and marker.read_text() == version("mlflow")
    except OSError:
        return False


def _create(path: Path) -> None:
    """Make the database, or bring what is in it to this MLflow's tables, in a file of its own that takes its place.

    SQLite keeps no migration whole: killed in the midst of one, a database could be neither used nor upgraded again.
    """
    new = path.with_name(path.name + ".new")
    try:
        _remove(*(path.with_name(f"{new.name}{ending}") for ending in ("", "-journal", "-wal", "-shm")))
        if _holds_something(path):
            with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                # whoever writes waits until the copy is in place
                old.execute("BEGIN IMMEDIATE")
                # by another connection: that of the writer would wait for itself
                with closing(sqlite3.connect(path)) as reader, closing(sqlite3.connect(new)) as copy:
                    reader.backup(copy)
                _migrate(new)
        else:
            _migrate(new)
        # a log left by another file of this name would be taken for the new one's
        _remove(path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm"))
        new.replace(path)
    except sqlite3.Error as error:
        raise _not_made(path, error) from error


def _holds_something(path: Path) -> bool:
    """Tell whether a run or a model is recorded: an empty database, or half of one, is made anew."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        asked = {"runs", "registered_models"} & tables
        return any(connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in asked)  # noqa: S608


def _migrate(path: Path) -> None:
    quiet_mlflow()
    import sqlalchemy
    from mlflow.exceptions import MlflowException
    from mlflow.store.db.utils import _all_tables_exist, _initialize_tables, _upgrade_db

    try:
        engine = sqlalchemy.create_engine(busy_safe(f"sqlite:///{path}"))
        if _all_tables_exist(engine):
            _upgrade_db(engine)
        else:
            _initialize_tables(engine)
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, MlflowException) as error:
        raise _not_made(path.with_name(path.name.removesuffix(".new")), error) from error
    # write-ahead logging stays with the file: readers never wait for a writer
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _not_made(path: Path, error: Exception) -> TrackingError:
    return TrackingError(
        f"sqlite:///{path}",
        "MLflow's database cannot be made or upgraded",
        got=" ".join(str(error).split())[:300],
        hint="is it a database of MLflow?",
    )


def without_password(url: str) -> str:
    """Return a database's address as it may be shown; the namespace is no part of it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    url, _ = split_tracking(url)
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


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


SERVED = "mlflow-artifacts"


def artifact_location(tracking_url: str, project: str, artifact_root: str) -> str:
    """Return where a project's experiment keeps its files.

    Args:
        tracking_url: As `Settings` has it, with the namespace.
        project: The project's name.
        artifact_root: Address in the object store, for processes that write there themselves.
    """
    address, namespace = split_tracking(tracking_url)
    if urlsplit(address).scheme not in ("http", "https"):
        return artifact_root
    return f"{SERVED}:/{store_prefix(namespace)}{tracking_artifacts(project)}"


def is_below(artifact_uri: str, *locations: str) -> bool:
    """Tell whether a run's files are in one of the `locations`; a served address may name its server."""
    found = urlsplit(artifact_uri)
    plain = f"{SERVED}:{found.path}" if found.scheme == SERVED else artifact_uri
    return any(plain.startswith(f"{location}/") for location in locations)

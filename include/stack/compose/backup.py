"""Copy the docker stack's databases and reach its store, and put both back while its Airflow stands still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from include.domain.errors import SettingsError
from include.operations.backup.archive import ArchiveReader, Part
from include.operations.backup.copying import AIRFLOW, MLFLOW, Dump
from include.stack.compose.docker_stack import DOOR as DOOR_SERVICE
from include.stack.compose.docker_stack import HEALTHY_SECONDS
from include.stack.compose.engine import Compose
from include.stack.compose.store_rpc import DOOR, PipedStore

POSTGRES, STORE = "postgres", "objectstore"
# the superuser comes in by the server's own socket, which only its container has
AS_SUPERUSER = ("--username", "postgres")
# they keep what is restored: all other services use it, and stand still meanwhile
KEEPERS = frozenset({POSTGRES, STORE, "valkey"})
TABLES = {AIRFLOW: "dag_run", MLFLOW: "runs"}
_VERSIONS = "from importlib.metadata import version; print(version('apache-airflow'), version('mlflow'))"


def opened_store(compose: Compose) -> PipedStore:
    """Return the stack's store, reached from a container of its own that starts nothing else and ends with it."""
    options = ("--rm", "--no-deps", "--no-TTY", "--entrypoint", "python")
    return PipedStore(compose.command("run", *options, DOOR_SERVICE, "-m", DOOR), cwd=compose.root)


def versions(compose: Compose) -> dict[str, str]:
    """Return the versions of Airflow and MLflow in the running image."""
    airflow, mlflow = compose.output("exec", "--no-TTY", DOOR_SERVICE, "python", "-c", _VERSIONS).split()
    return {AIRFLOW: airflow, MLFLOW: mlflow}


def dumps(compose: Compose) -> dict[str, Dump]:
    """Return how Airflow's and MLflow's databases are copied: by pg_dump, each as of one moment."""
    return {name: _dump(compose, name) for name in (AIRFLOW, MLFLOW)}


def refuse_runs(compose: Compose) -> None:
    """Refuse a stack whose Airflow or MLflow has runs.

    Raises:
        SettingsError: With how many.
    """
    for name, table in TABLES.items():
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - our own names
        there = _sql(compose, name, f"SELECT to_regclass('{table}') IS NOT NULL") == "t"
        if there and (rows := int(_sql(compose, name, query))):
            raise SettingsError(
                f"the docker stack's database {name}",
                f"a backup is restored into an empty stack only, and {name} has runs here",
                got=str(rows),
                hint="./nightshift down --docker --volumes removes all there is, then ./nightshift up --docker",
            )


def stand_still(compose: Compose) -> None:
    """Stop every service but those that keep data, which run afterwards."""
    others = sorted({str(one["Service"]) for one in compose.services() if one["State"] == "running"} - KEEPERS)
    if others:
        compose.output("stop", *others)
    compose.output("up", "--detach", "--wait", POSTGRES, STORE)


def start_again(compose: Compose) -> None:
    """Start every service, Airflow's preparation first, and return when all are healthy."""
    compose.output("up", "--detach", "--wait", "--wait-timeout", str(HEALTHY_SECONDS))


def put_database(compose: Compose, archive: ArchiveReader, part: Part, folder: Path) -> None:
    """Replace a database by the backup's; what was in it is gone.

    Args:
        compose: The stack, standing still.
        archive: Holds the dump.
        part: The database's.
        folder: A private folder for the dump on its way.
    """
    name, dump = part.name, folder / f"{part.name}.dump"
    archive.extract(part, dump)
    _postgres(compose, "dropdb", "--if-exists", "--force", name)
    _postgres(compose, "createdb", "--owner", name, name)
    _sql(compose, name, f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    # as its owner, whose password need not be that of the stack it came from
    options = ("--no-owner", "--no-privileges", "--role", name, "--single-transaction", "--exit-on-error")
    with dump.open("rb") as source:
        compose.stream(*_in_postgres("pg_restore", *options, "--dbname", name), source=source)
    dump.unlink()


def _dump(compose: Compose, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"{name}.dump"
        with path.open("wb") as target:
            compose.stream(*_in_postgres("pg_dump", "--format", "custom", "--dbname", name), target=target)
        return path

    return write


def _sql(compose: Compose, database: str, statement: str) -> str:
    options = ("--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--dbname", database)
    return _postgres(compose, "psql", *options, "--command", statement).strip()


def _postgres(compose: Compose, program: str, *arguments: str) -> str:
    return compose.output(*_in_postgres(program, *arguments))


def _in_postgres(program: str, *arguments: str) -> tuple[str, ...]:
    return ("exec", "--no-TTY", POSTGRES, program, *AS_SUPERUSER, *arguments)

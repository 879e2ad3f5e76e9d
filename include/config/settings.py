"""Read where things are: one frozen object from environment variables, the same on a laptop and in a container."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from include.domain import names
from include.domain.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_AIRFLOW_PORT = 8080
DEFAULT_MLFLOW_PORT = 5000
DEFAULT_S3_PORT = 8333


class Settings(BaseModel):
    """Hold every address and folder; secrets are not here (boto3's chain and Airflow connections hold them).

    Attributes:
        root: The checkout.
        home: All state of this checkout (`NIGHTSHIFT_HOME`, default `<root>/.nightshift`).
        projects_dir: The folder of project folders (`NIGHTSHIFT_PROJECTS`).
        store_url: `file:///folder` or `s3://bucket/prefix` (`NIGHTSHIFT_STORE_URL`).
        tracking_url: MLflow's address: `sqlite:///file` or `http://host:port` (`NIGHTSHIFT_TRACKING_URL`).
        namespace: The namespace that `store_url` and `tracking_url` are of (`NIGHTSHIFT_NAMESPACE`), or empty.
        given_landing_url: Where sources deliver files (`NIGHTSHIFT_LANDING_URL`), or empty; see `landing_url`.
        mlflow_url: Where browsers find MLflow's UI (`NIGHTSHIFT_MLFLOW_URL`, default the tracking server), or empty.
        airflow_port, mlflow_port, s3_port: TCP ports on loopback (`NIGHTSHIFT_AIRFLOW_PORT`, ...).
        ports_chosen: Which of those ports the user named explicitly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path = ROOT
    home: Path
    projects_dir: Path
    store_url: str
    tracking_url: str
    namespace: str = ""
    given_landing_url: str = ""
    mlflow_url: str = ""
    airflow_port: int = DEFAULT_AIRFLOW_PORT
    mlflow_port: int = DEFAULT_MLFLOW_PORT
    s3_port: int = DEFAULT_S3_PORT
    ports_chosen: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environ` (default: the process's environment).

        Raises:
            SettingsError: A port is not a number between 1 and 65535, or the namespace has no name of one.
        """
        env = os.environ if environ is None else environ
        home = Path(env.get("NIGHTSHIFT_HOME") or ROOT / ".nightshift").expanduser().resolve()
        ports = {
            "airflow_port": _port(env, "NIGHTSHIFT_AIRFLOW_PORT", DEFAULT_AIRFLOW_PORT),
            "mlflow_port": _port(env, "NIGHTSHIFT_MLFLOW_PORT", DEFAULT_MLFLOW_PORT),
            "s3_port": _port(env, "NIGHTSHIFT_S3_PORT", DEFAULT_S3_PORT),
        }
        tracking_url = env.get("NIGHTSHIFT_TRACKING_URL") or f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"
        namespace = names.check_namespace(env.get(names.VARIABLE, ""))
        found = cls(
            home=home,
            projects_dir=Path(env.get("NIGHTSHIFT_PROJECTS") or ROOT / "include" / "projects").resolve(),
            store_url=env.get("NIGHTSHIFT_STORE_URL") or f"file://{home / 'store'}",
            tracking_url=tracking_url,
            given_landing_url=env.get("NIGHTSHIFT_LANDING_URL", ""),
            mlflow_url=env.get("NIGHTSHIFT_MLFLOW_URL") or _page_of(tracking_url),
            ports_chosen=frozenset(name for name in ports if env.get(f"NIGHTSHIFT_{name.upper()}")),
            **ports,
        )
        return found.in_namespace(namespace)

    def in_namespace(self, name: str) -> Settings:
        """Return the settings of the namespace `name` on the same addresses; of an empty name, those of none."""
        base, own = self.store_url, names.store_prefix(self.namespace).rstrip("/")
        return self.model_copy(
            update={
                "namespace": name,
                "store_url": names.store_in(base.removesuffix(f"/{own}") if own else base, name),
                "tracking_url": names.tracking_in(names.split_tracking(self.tracking_url)[0], name),
            }
        )

    def at(self, store_url: str, tracking_url: str) -> Settings:
        """Return the settings of the same namespace on other addresses, given as they are outside all namespaces."""
        there = self.model_copy(update={"store_url": store_url, "tracking_url": tracking_url, "namespace": ""})
        return there.in_namespace(self.namespace)

    @property
    def landing_url(self) -> str:
        """Return the store into which sources deliver files: by default production's, whatever the namespace."""
        return self.given_landing_url or self.in_namespace("").store_url


def _page_of(tracking_url: str) -> str:
    address = urlsplit(tracking_url)
    # a browser is not told the tasks' password
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl() if address.scheme[:4] == "http" else ""


def _port(env: Mapping[str, str], variable: str, default: int) -> int:
    text = env.get(variable, "")
    if not text:
        return default
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(
            f"environment variable {variable}", "a port is needed", got=repr(text), allowed=("1-65535",)
        )
    return int(text)


def git_commit(root: Path = ROOT) -> str:
    """Return the commit of the code, `<sha>-dirty` with local changes, or "unknown" outside a git checkout.

    `NIGHTSHIFT_GIT_COMMIT` wins: an image has no `.git`.
    """
    given = os.environ.get("NIGHTSHIFT_GIT_COMMIT")
    if given:
        return given
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip() or "unknown"


def lock_hash(root: Path = ROOT) -> str:
    """Return the sha256 of the dependency lock, which names the environment a model was made in."""
    lock = root / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "unknown"


# made beside Airflow's database once it is whole
DATABASE_STAMP = "database.stamp"


def database_file(home: Path) -> Path:
    """Return Airflow's SQLite file."""
    return home / "airflow" / "airflow.db"


THREADS_VARIABLE = "NIGHTSHIFT_THREADS"
DEFAULT_THREADS = 1
MAX_THREADS = 256


def training_threads() -> int:
    """Return the number of threads for fitting and scoring one model (`NIGHTSHIFT_THREADS`, default 1).

    Raises:
        SettingsError: The variable is not a number between 1 and 256.
    """
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        return DEFAULT_THREADS
    if not text.isdigit() or not 1 <= int(text) <= MAX_THREADS:
        raise SettingsError(
            f"environment variable {THREADS_VARIABLE}",
            "a number of threads is needed",
            got=repr(text),
            allowed=(f"1-{MAX_THREADS}",),
        )
    return int(text)

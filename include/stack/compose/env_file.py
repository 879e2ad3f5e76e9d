"""Keep the secrets of the docker stack in `.env`: random, made on first use, readable by the owner alone.

Compose reads the file by itself, so `docker compose up` by hand is given the same. What a person writes into it
(ports, limits, the number of workers) stays; only what is missing is added.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from include.config.credentials import write_private
from include.domain.errors import SettingsError

FILE = ".env"
HEADER = """\
# The secrets and settings of this docker stack. Keep it: without it the volumes cannot be read. Never commit it.
# Settings you may add: NIGHTSHIFT_AIRFLOW_PORT, NIGHTSHIFT_MLFLOW_PORT, NIGHTSHIFT_WORKERS, NIGHTSHIFT_WORKER_MEMORY,
# NIGHTSHIFT_WORKER_CONCURRENCY, NIGHTSHIFT_SCHEDULER_MEMORY, NIGHTSHIFT_PARALLELISM (docs/operations.md).
"""


def _word() -> str:
    # letters and digits: safe in a URL, in a shell and in a configuration file
    return secrets.token_hex(24)


def _password() -> str:
    return secrets.token_urlsafe(12)


def _fernet_key() -> str:
    # cryptography's format: 32 bytes, URL-safe base64
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


# name -> how it is made
SECRETS: Mapping[str, Callable[[], str]] = {
    "ADMIN_PASSWORD": _password,
    "MLFLOW_PASSWORD": _password,
    "AIRFLOW_FERNET_KEY": _fernet_key,
    "AIRFLOW_JWT_SECRET": _word,
    "AIRFLOW_API_SECRET_KEY": _word,
    "MLFLOW_SERVER_SECRET_KEY": _word,
    "POSTGRES_PASSWORD": _word,
    "AIRFLOW_DATABASE_PASSWORD": _word,
    "MLFLOW_DATABASE_PASSWORD": _word,
    "WAREHOUSE_OWNER_PASSWORD": _word,
    "WAREHOUSE_PASSWORD": _word,
    "BROKER_PASSWORD": _word,
    "S3_ACCESS_KEY": _word,
    "S3_SECRET_KEY": _word,
}
# the key of what Airflow has encrypted already: a new one makes that unreadable
KEPT = frozenset({"AIRFLOW_FERNET_KEY"})
_LINE = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$")


def read_env(root: Path) -> dict[str, str]:
    """Return the variables of `.env`; none when there is no such file."""
    path = root / FILE
    if not path.is_file():
        return {}
    found = (_LINE.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {line[1]: line[2] for line in found if line}


def ensure_env(root: Path, settings: Mapping[str, str] | None = None) -> list[str]:
    """Write what is missing into `.env`, and set `settings`; return the names of the secrets that were made.

    Args:
        root: The folder of docker-compose.yaml.
        settings: Variables that are no secrets; an empty value takes one away.

    Raises:
        SettingsError: Others may read the file.
    """
    refuse_readable_by_others(root)
    present = read_env(root)
    made = {name: make() for name, make in SECRETS.items() if not present.get(name)}
    change_env(root, {**made, **(settings or {})})
    return sorted(made)


def rotate_env(root: Path) -> list[str]:
    """Make every secret anew but those of `KEPT`, and return the names; the next start of the stack takes them over.

    Raises:
        SettingsError: There is no `.env`, or others may read it.
    """
    refuse_readable_by_others(root)
    if not read_env(root):
        raise SettingsError(
            str(root / FILE), "there is nothing to rotate", got="no such file", hint="./nightshift secrets"
        )
    made = {name: make() for name, make in SECRETS.items() if name not in KEPT}
    change_env(root, made)
    return sorted(made)


def change_env(root: Path, changes: Mapping[str, str]) -> None:
    """Replace or add variables of `.env`; its other lines, comments too, stay as they are."""
    path = root / FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else HEADER
    left = dict(changes)
    lines = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and found[1] in left:
            value = left.pop(found[1])
            lines += [f"{found[1]}={value}"] if value else []
        else:
            lines.append(line)
    lines += [f"{name}={value}" for name, value in left.items() if value]
    new = "\n".join(lines) + "\n"
    if not path.is_file() or new != path.read_text(encoding="utf-8"):
        write_private(path, new)


def refuse_readable_by_others(root: Path) -> None:
    """Refuse a `.env` that others of this machine may read.

    Raises:
        SettingsError: With the command that puts it right.
    """
    path = root / FILE
    mode = path.stat().st_mode & 0o777 if path.is_file() else 0o600
    if mode & 0o077:
        raise SettingsError(
            str(path),
            "holds secrets, and others may read it",
            got=f"{mode:o}",
            allowed=("600",),
            hint=f"chmod 600 {FILE}",
        )

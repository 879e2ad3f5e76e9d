"""Keep the generated secrets of one home: made once, readable by the owner alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

ADMIN = "admin"
FILE = "credentials.json"


class Credentials(BaseModel):
    """Hold what the parts of a stack need to trust each other, and the password of its one user.

    Attributes:
        admin_password: Of the user `admin` of the Airflow UI.
        jwt_secret: Signs the tokens of the REST and task APIs; the same in every Airflow process.
        fernet_key: Encrypts what Airflow keeps secret in its database.
        api_secret_key: Signs the UI's sessions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    admin_password: SecretStr
    jwt_secret: SecretStr
    fernet_key: SecretStr
    api_secret_key: SecretStr


def load_credentials(home: Path) -> Credentials:
    """Return the credentials of `home`, made on the first call; in a container they come by the environment."""
    if os.environ.get("NIGHTSHIFT_ADMIN_PASSWORD"):
        return _from_environment()
    path = home / FILE
    if not path.is_file():
        write_private(path, json.dumps(_generate(), indent=2))
    return Credentials.model_validate_json(path.read_text(encoding="utf-8"))


def make_home(home: Path) -> None:
    """Make the home, or take it from those it is not meant for: its databases and objects ask nobody for a password.

    Only its owner may enter; one that its group may write to is shared on purpose, and stays the group's.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = home.stat()
    mode = stat.S_IMODE(found.st_mode)
    allowed = mode & ~stat.S_IRWXO if mode & stat.S_IWGRP else mode & ~(stat.S_IRWXO | stat.S_IRWXG)
    if found.st_uid == os.getuid() and mode != allowed:
        home.chmod(allowed)


def write_private(path: Path, text: str) -> None:
    """Write `text` whole to `path`, readable and writable by the owner alone from the first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def write_password_file(path: Path, credentials: Credentials) -> None:
    """Write the file of user names and passwords that Airflow's simple auth manager reads."""
    write_private(path, json.dumps({ADMIN: credentials.admin_password.get_secret_value()}))


def _from_environment() -> Credentials:
    env = os.environ
    return Credentials(
        admin_password=SecretStr(env["NIGHTSHIFT_ADMIN_PASSWORD"]),
        jwt_secret=SecretStr(env.get("AIRFLOW__API_AUTH__JWT_SECRET", "")),
        fernet_key=SecretStr(env.get("AIRFLOW__CORE__FERNET_KEY", "")),
        api_secret_key=SecretStr(env.get("AIRFLOW__API__SECRET_KEY", "")),
    )


def _generate() -> dict[str, str]:
    return {
        "admin_password": secrets.token_urlsafe(12),
        "jwt_secret": secrets.token_hex(48),
        # cryptography's format for a Fernet key: 32 bytes, URL-safe base64
        "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "api_secret_key": secrets.token_hex(32),
    }

"""Remember which command holds a Dag, so that the next one puts right what a killed one left behind.

A claim is a file: `<home>/claims/<kind>/<name>.json` with the Dag and the process. It is gone when its command has
ended in order; one whose process is dead was left by a killed command.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from include.stack.credentials import make_home, write_private
from include.stack.processes import ProcessId

FOLDER = "claims"
LOCK = "claims.lock"
ClaimKind = Literal["unpaused", "backfill"]


class Claim(BaseModel):
    """Say that a command holds a Dag: `unpaused` as long as it lets it run, `backfill` while it follows one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag_id: str
    owner: ProcessId
    file: Path

    def living(self) -> bool:
        """Tell whether the command still runs."""
        return self.owner.process() is not None

    def release(self) -> None:
        """Forget the claim: its command has put everything right, or another one has done it in its place."""
        self.file.unlink(missing_ok=True)


def claim(home: Path, kind: ClaimKind, dag_id: str) -> Claim:
    """Write down that this process holds a Dag."""
    file = home / FOLDER / kind / f"{secrets.token_hex(8)}.json"
    made = Claim(dag_id=dag_id, owner=ProcessId.of(os.getpid()), file=file)
    write_private(made.file, made.model_dump_json())
    return made


def claims(home: Path, kind: ClaimKind, dag_id: str = "") -> list[Claim]:
    """Return the claims of a kind, of all Dags or of one."""
    found = []
    for file in sorted((home / FOLDER / kind).glob("*.json")):
        # its command may end at this moment
        with suppress(FileNotFoundError):
            found.append(Claim.model_validate_json(file.read_text(encoding="utf-8")))
    return [made for made in found if dag_id in ("", made.dag_id)]


@contextmanager
def settled(home: Path) -> Iterator[None]:
    """Hold all claims of the home still while something is decided by them."""
    make_home(home)
    with (home / LOCK).open("a") as held:
        # freed by the kernel when this process ends, however it ends
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        yield

"""Kill the own process right after a write: each write of a night is a moment at which it may die.

Between two writes nothing changes that outlives the process, so a death after each of them is every death there is,
but for those inside a write.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from include.io.local_store import LocalStore

MLFLOW_WRITES = (
    "create_experiment",
    "create_model_version",
    "create_registered_model",
    "create_run",
    "delete_model_version",
    "delete_tag",
    "log_artifacts",
    "log_batch",
    "set_registered_model_alias",
    "set_tag",
    "set_terminated",
)

# how many arguments tell one write from another: a tag's value may name the process, a folder is a temporary one
TOLD = {"set_tag": 2, "log_artifacts": 1}


@contextmanager
def written_down(journal: Path, *, die: bool) -> Iterator[None]:
    """Write each new write of this block into the journal, one a line; with `die`, end by SIGKILL after the first.

    Writes of a night that was killed are told from new ones by what and where they write, so the same night, played
    again and again with the same journal, dies after each of its writes once.
    """
    from mlflow import MlflowClient

    known = set(journal.read_text().splitlines()) if journal.exists() else set()

    def noted(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def write(self: Any, *args: Any, **more: Any) -> Any:
            result = original(self, *args, **more)
            place = _shown(name, args, more)
            if place not in known:
                known.add(place)
                with journal.open("a") as file:
                    file.write(f"{place}\n")
                if die:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return write

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(LocalStore, "put", noted(LocalStore.put, "put")))
        for name in MLFLOW_WRITES:
            patches.enter_context(mock.patch.object(MlflowClient, name, noted(getattr(MlflowClient, name), name)))
        yield


def _shown(name: str, args: tuple[Any, ...], more: Mapping[str, Any]) -> str:
    """Return what is written where, in one line; bytes by their hash, without what differs between two tries."""
    told = [hashlib.sha256(value).hexdigest()[:16] if isinstance(value, bytes) else str(value) for value in args]
    return " ".join([name, *told[: TOLD.get(name)], *sorted(more), str(more.get("run_name", ""))])

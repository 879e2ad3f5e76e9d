"""Have the Dag files parsed again when what they are made from has changed, and seldom otherwise.

Airflow parses a Dag file again when the file itself changes, or when an interval is over. Ours are made from the
projects' folders, our own code and the home's namespaces, so a short interval was the only way to see a change, and
parsing the same again every ten seconds burnt a tenth of a core all day. This bundle looks at the sizes and times of
those files whenever Airflow refreshes it, and asks for a parse as the UI's button does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from airflow.dag_processing.bundles.local import LocalDagBundle

from include.config.settings import Settings
from include.domain.names import FOLDER

log = logging.getLogger(__name__)

_CODE = ("include", "plugins")
# a file without a suffix is a namespace's
_READ = (".md", ".py", ".yaml", ".yml", "")


class WatchedDagBundle(LocalDagBundle):
    """Be the folder of Dag files, parsed again when a project, our code or a namespace changes."""

    _seen: dict[str, tuple[int, int]] | None = None

    def refresh(self) -> None:
        """Ask for a parse of every Dag file when something has changed since the last call; Airflow calls it."""
        super().refresh()
        now = contents(Settings.from_environment())
        if self._seen is not None and now != self._seen:
            changed = sorted(path for path, _ in now.items() ^ self._seen.items())
            log.info("%s has changed: the Dag files are parsed again", changed[0])
            self._ask()
        self._seen = now

    def _ask(self) -> None:
        from airflow.models.dagbag import DagPriorityParsingRequest
        from airflow.utils.session import create_session

        with create_session() as session:
            for path in sorted(self.path.glob("*.py")):
                session.add(DagPriorityParsingRequest(bundle_name=self.name, relative_fileloc=path.name))


def contents(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return time and size of every file that Dags are made from, by path."""
    places = [settings.projects_dir, settings.home / FOLDER, *(settings.root / name for name in _CODE)]
    return {path: state for place in places for path, state in _files(place)}


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        try:
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif Path(entry.name).suffix in _READ:
                state = entry.stat()
                yield entry.path, (state.st_mtime_ns, state.st_size)
        except OSError:
            # it has gone meanwhile, or leads nowhere
            continue

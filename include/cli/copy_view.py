"""Show how a backup or a restore gets on: one line that moves on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.filesize import decimal
from rich.status import Status

from include.cli.console import errors
from include.operations.backup.copying import Progress

EVERY_SECONDS = 10.0


class CopyView:
    """Say on stderr what is done now, so that stdout holds the result alone."""

    def __init__(self) -> None:
        self._console: Console = errors()
        self._status: Status | None = self._console.status("beginning") if self._console.is_terminal else None
        self._told = time.monotonic()

    def __enter__(self) -> CopyView:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def doing(self, words: str) -> None:
        """Say what begins."""
        if self._status:
            self._status.update(words)
        else:
            self._console.print(words, markup=False)

    def objects(self, done_to_them: str) -> Progress:
        """Return what tells of objects: done, in all, bytes."""

        def tell(done: int, total: int, size: int) -> None:
            words = f"{done} of {total} objects {done_to_them}, {decimal(size)}"
            if self._status:
                self._status.update(words)
            elif time.monotonic() - self._told > EVERY_SECONDS:
                self._told = time.monotonic()
                self._console.print(words, markup=False)

        return tell

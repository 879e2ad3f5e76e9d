"""Say how many threads one model may use: one setting, because two cores are often shared by several trainings."""

from __future__ import annotations

import os

from include.config.errors import SettingsError

THREADS_VARIABLE = "NIGHTSHIFT_THREADS"
DEFAULT_THREADS = 2
MAX_THREADS = 256


def training_threads() -> int:
    """Return the number of threads for fitting and scoring one model (`NIGHTSHIFT_THREADS`, default 2).

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

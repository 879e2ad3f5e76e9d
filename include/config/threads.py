"""Say how many threads one model may use: one setting, which changes how long a fit takes and nothing it gives.

One is the default, because candidates and projects train side by side. Measured with 150 trees on 37,000 rows and two
busy cores: one thread needs 1.0 s of CPU and 2.6 s; two threads, which wait for each other spinning, 4.7 s and 12 s.
With more than one thread, `OMP_WAIT_POLICY=PASSIVE` takes that cost away.

It is no part of a candidate's identity: models fitted with 1, 2, 3 and 5 threads were the same, byte for byte. Each
training record tells it all the same, and a model is made again with the number it was made with.
"""

from __future__ import annotations

import os

from include.config.errors import SettingsError

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

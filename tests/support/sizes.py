"""Choose how often a test that looks for rare faults tries: enough to find one in CI, or all there is with `--deep`."""

from __future__ import annotations

import os
from typing import TypeVar

DEEP_VARIABLE = "NIGHTSHIFT_TEST_DEEP"
DEEP = os.environ.get(DEEP_VARIABLE) == "1"

T = TypeVar("T")


def size(usual: T, deep: T) -> T:
    """Return the size of `./nightshift test`, or that of `./nightshift test --deep`."""
    return deep if DEEP else usual

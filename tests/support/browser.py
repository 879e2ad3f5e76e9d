"""Find a browser for tests: the one of the machine, or the one that playwright brought."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser_path(running: Any) -> str:
    """Return the program; without one the test is skipped.

    Args:
        running: What `sync_playwright()` gives.
    """
    brought = running.chromium.executable_path
    found = next(filter(None, map(shutil.which, BROWSERS)), brought if Path(brought).exists() else None)
    if found is None:
        pytest.skip("no browser: install chromium, or call playwright install chromium")
    return found

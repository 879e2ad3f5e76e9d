"""Give stage tests a small project of their own, with ten good days of data."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from include.io.local_store import LocalStore
from tests.stages.shop import AS_OF, Shop

FIRST_DELIVERED = date(2024, 3, 1)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return the shop, its orders of 1 to 11 March delivered and nothing prepared."""
    folder = tmp_path / "projects" / "shop"
    folder.mkdir(parents=True)
    small = Shop(folder, LocalStore(f"file://{tmp_path / 'store'}")).declare().code()
    small.deliver_all(FIRST_DELIVERED, AS_OF)
    return small

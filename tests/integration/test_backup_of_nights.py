"""Back up again and again while another process plays nights: whatever moment a backup is of, it is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from include.domain.results import Origin
from include.io.ledger import Ledger
from include.operations.reconcile import reconcile
from tests.support.backups import assert_whole, at_home, copy_house, play_on, put_house
from tests.support.killing import Attempt
from tests.support.model_nights import Nights

pytestmark = pytest.mark.integration

LAST = 6


def test_every_backup_made_during_nights_is_whole(played_nights: Nights, store_url: str, tmp_path: Path) -> None:
    nights = played_nights
    if store_url.startswith("s3:"):
        nights.s3_url = f"{store_url}/old"
        local = Nights(nights.folder, nights.project)
        for one in local.store.list():
            nights.store.put(one.key, local.store.get(one.key))
    at_home(nights)
    environ = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    writer = Attempt(play_on, str(nights.folder), nights.s3_url, 5, LAST, environ=environ)
    files: list[Path] = []
    while writer.process.is_alive():
        files.append(tmp_path / f"{len(files)}.tar")
        copy_house(nights, files[-1])
    assert writer.result() == LAST
    assert len(files) > 2

    before = Ledger(nights.store, "parcels").entries()
    lengths = []
    # the first, the last, and one between them: each is restored and looked through
    for number, file in enumerate((files[0], files[len(files) // 2], files[-1])):
        url = f"{store_url}/new{number}" if nights.s3_url else f"file://{tmp_path / f'new{number}' / 'store'}"
        copied = put_house(file, tmp_path / f"new{number}", url)
        lengths.append(assert_whole(copied.store, copied.database))
        assert Ledger(copied.store, "parcels").entries() == before[: lengths[-1]]
        tracking_url = f"sqlite:///{copied.database}"
        assert reconcile(copied.store, tracking_url, "parcels", Origin(run_id="restore")).left == ()
    assert lengths == sorted(lengths)

"""Count what a night asks of the store: the same with two months prepared and with ten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from include.domain.results import Origin
from include.io import keys
from include.io.data_docs import IndexLine, merge_index, read_index
from include.stages import build_features, ingest, plan, validate
from tests.stages.shop import Shop
from tests.support.counting_store import Counted

AS_OF = date(2024, 3, 10)
MODEL = date(2024, 3, 6)
SHORT, LONG = 60, 300
STAGES = (ingest, validate, build_features)
ONE_DAY = timedelta(days=1)


def before(day: date, count: int) -> list[date]:
    return [day - back * ONE_DAY for back in range(1, count + 1)]


def add_history(shop: Shop, days: Sequence[date]) -> None:
    """Put every object of one prepared day under other days, too, with its line in the Data Docs."""
    objects = [(info.key, shop.store.get(info.key)) for info in shop.store.list("shop/") if f"{MODEL}" in info.key]
    (line,) = (line for line in index(shop) if line.day == MODEL)
    for day in days:
        for key, data in objects:
            dated = data.replace(f"{MODEL}".encode(), f"{day}".encode()) if key.endswith("manifest.json") else data
            shop.store.put(key.replace(f"{MODEL}", f"{day}"), dated)
    path = line.path
    merge_index(
        shop.store,
        "shop",
        [line.model_copy(update={"day": day, "path": path.replace(f"{MODEL}", f"{day}")}) for day in days],
    )


def index(shop: Shop) -> Sequence[IndexLine]:
    return read_index(shop.store.get(keys.data_docs("shop")))


def night(shop: Shop, as_of: date, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Play plan, ingest, validate and build_features of one night, and count."""
    with monkeypatch.context() as patched:
        counted = Counted(patched, plan, *STAGES)
        planned = shop.plan(as_of)
        assert (planned.reasons, planned.batches) == ({"missing": 1}, ((as_of - ONE_DAY,),))
        inputs = shop.inputs(planned.batches[0], as_of=as_of, origin=Origin(run_id=f"night of {as_of}"))
        assert [stage.run(shop.project, inputs).days for stage in STAGES] == [planned.batches[0]] * 3
    return counted


def days_read(counted: Counted) -> list[date]:
    return sorted({date.fromisoformat(key.split("date=")[1][:10]) for key in counted.keys["read"] if "date=" in key})


def test_a_night_costs_the_same_however_long_the_history(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # thousands of files that need not survive a power cut
    monkeypatch.setattr(os, "fsync", lambda _: None)
    shop.prepare(shop.plan(AS_OF - ONE_DAY).days, as_of=AS_OF)
    oldest = min(line.day for line in index(shop))
    add_history(shop, before(oldest, SHORT - len(index(shop))))
    assert len(index(shop)) == SHORT
    after_short = night(shop, AS_OF, monkeypatch)

    oldest = min(line.day for line in index(shop))
    add_history(shop, before(oldest, LONG - len(index(shop))))
    assert len(index(shop)) == LONG
    assert shop.store.exists(keys.features_manifest("shop", AS_OF - (LONG - 1) * ONE_DAY))
    after_long = night(shop, AS_OF + ONE_DAY, monkeypatch)

    assert after_long.calls == after_short.calls
    # it reads and writes, and lists nothing but the one table that all days share
    assert set(after_short.calls) - {"list", "listed"} == {"read", "put"}
    assert all("/raw/content=" in key for key in after_short.keys["list"] | after_short.keys["listed"])
    # the window of six days up to the day before, and the two that its first looks back to
    assert days_read(after_long) == sorted(before(AS_OF + ONE_DAY, 8))

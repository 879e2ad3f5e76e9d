"""Check which days a night prepares, and why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from include.config import day_fingerprints
from include.config.identity import code_identity
from include.domain.errors import PartitionRejectedError
from include.io import keys
from include.io.local_store import LocalStore
from include.stages import ingest, validate
from tests.stages.shop import AS_OF, DECLARATION, EXPECTATIONS, FEATURES, Shop, orders


def window(shop: Shop) -> tuple[date, ...]:
    return shop.plan().days


def test_a_first_night_prepares_every_day_in_contiguous_batches(shop: Shop) -> None:
    plan = shop.plan(batches=4)
    assert (plan.fresh, plan.stale, plan.reasons) == (0, 6, {"missing": 6})
    assert [len(batch) for batch in plan.batches] == [2, 2, 1, 1]
    assert tuple(day for batch in plan.batches for day in batch) == plan.days


def test_a_prepared_window_is_fresh(shop: Shop) -> None:
    shop.prepare(window(shop))
    plan = shop.plan()
    assert (plan.fresh, plan.stale, plan.batches, plan.reasons) == (6, 0, (), {})


def test_the_next_night_prepares_one_day(shop: Shop) -> None:
    shop.prepare(window(shop))
    tomorrow = date(2024, 3, 12)
    shop.deliver(tomorrow)
    plan = shop.plan(tomorrow)
    assert (plan.fresh, plan.batches, plan.reasons) == (5, ((date(2024, 3, 11),),), {"missing": 1})


def test_a_run_may_ask_to_read_every_day_again(shop: Shop) -> None:
    shop.prepare(window(shop))
    assert shop.plan(refresh_raw=True).reasons == {"raw refresh": 6}


def test_force_makes_every_day_stale(shop: Shop) -> None:
    shop.prepare(window(shop))
    assert shop.plan(force=True).reasons == {"forced": 6}


def test_changed_code_makes_every_day_stale(shop: Shop) -> None:
    shop.prepare(window(shop))
    for changes in ({"features": FEATURES + "FIXED = 1\n"}, {"expectations": EXPECTATIONS + "FIXED = 1\n"}):
        assert shop.code(**changes).plan().reasons == {"code changed": 6}


def test_comments_and_docstrings_make_no_day_stale(shop: Shop) -> None:
    shop.prepare(window(shop))
    said = '"""Make the features of a shop."""\n# by hand\n' + FEATURES.replace("\n\n", "\n\n\n\n")
    assert shop.code(said, EXPECTATIONS + "# fixed\n").plan().stale == 0
    assert shop.prepare(window(shop)).written == 0


def test_changed_code_of_the_stages_makes_every_day_stale(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.prepare(window(shop))
    monkeypatch.setattr(day_fingerprints, "preparation_code", lambda: code_identity(("include.stages.build_features",)))
    assert shop.plan().reasons == {"engine changed": 6}
    assert shop.prepare(window(shop)).written == 6


MATTERS_NOT: list[dict[str, Any]] = [
    {"gates": [{"kind": "minimum", "metric": "roc_auc", "value": 0.9}]},
    {"candidates": [{"name": "other", "estimator": "xgboost"}]},
    {"schedule": "0 5 * * *"},
    {"keep": {"raw_days": 30, "features_days": 30, "versions": 3}},
    {"scoring": {"schedule": "0 6 * * *"}},
    {"promotion": {"mode": "hold"}},
    {"metrics": {"primary": "average_precision", "also": []}, "cross_validation": {"folds": 2}, "seed": 7},
    {"owner": {"name": "Other", "email": "other@example.org"}},
]
MATTERS: list[dict[str, Any]] = [
    {"target": {**DECLARATION["target"], "greater_than": 5}},
    {"quality": {"max_rejected_fraction": 0.05}},
    {"protected": []},
    {"unknown_at_prediction": []},
    {"window": {**DECLARATION["window"], "lookback_days": 1}},
]


def test_only_a_declaration_that_matters_makes_days_stale(shop: Shop) -> None:
    shop.prepare(window(shop))
    for changes in MATTERS_NOT:
        assert (changes, shop.declare(**changes).plan().reasons) == (changes, {})
    for changes in MATTERS:
        assert (changes, shop.declare(**changes).plan().reasons) == (changes, {"declaration changed": 6})
    assert shop.declare().plan().stale == 0


def test_a_source_that_changes_later_changes_no_history(shop: Shop) -> None:
    shop.prepare(window(shop))
    before = shop.store.get(keys.raw_manifest("shop", date(2024, 3, 7)))
    shop.deliver(date(2024, 3, 7), orders(date(2024, 3, 8)))
    assert shop.plan().stale == 0
    ingest.run(shop.project, shop.inputs([date(2024, 3, 7)], force=True))
    assert shop.store.get(keys.raw_manifest("shop", date(2024, 3, 7))) == before


def test_a_rejected_day_stays_stale_until_its_source_is_repaired(shop: Shop) -> None:
    days, bad = window(shop), date(2024, 3, 7)
    shop.deliver(bad, orders(bad).assign(amount=-1.0))
    with pytest.raises(PartitionRejectedError):
        shop.prepare(days)
    assert shop.plan().reasons == {"missing": 5, "rejected before": 1}
    with pytest.raises(PartitionRejectedError):
        shop.prepare(days)
    shop.deliver(bad)
    assert shop.prepare(days).written == 6
    assert shop.plan().stale == 0


def test_a_rejected_day_is_stale_even_where_older_features_are_left(shop: Shop) -> None:
    shop.prepare(window(shop))
    shop.code(expectations=EXPECTATIONS.replace("max_value=10000", "max_value=1"))
    with pytest.raises(PartitionRejectedError):
        validate.run(shop.project, shop.inputs([date(2024, 3, 7)]))
    shop.code()
    # the day and the two it looks back to
    assert shop.plan().reasons == {"rejected before": 3}


def test_a_new_snapshot_makes_the_days_that_look_back_to_it_stale(shop: Shop) -> None:
    shop.prepare(window(shop))
    shop.deliver(date(2024, 3, 6), orders(date(2024, 3, 6), rows=30))
    ingest.run(shop.project, shop.inputs([date(2024, 3, 6)], refresh_raw=True))
    plan = shop.plan()
    assert plan.reasons == {"raw data changed": 3}
    assert plan.batches[0] + plan.batches[1] == (date(2024, 3, 6), date(2024, 3, 7), date(2024, 3, 8))
    assert shop.prepare(window(shop)).written == 3
    assert shop.plan().stale == 0


def test_a_plan_never_lists_and_reads_only_its_window(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.prepare(window(shop))
    read: list[str] = []
    original = LocalStore.read
    monkeypatch.setattr(LocalStore, "list", lambda *_: pytest.fail("a plan must not list the store"))
    monkeypatch.setattr(LocalStore, "read", lambda self, key: read.append(key) or original(self, key))
    shop.plan()
    # features and validation of 6 days, raw of these and the 2 they look back to
    assert len(read) == 6 + 6 + 8
    assert {key.split("date=")[1][:10] for key in read} == {f"2024-03-{day:02d}" for day in range(3, 11)}
    assert AS_OF.isoformat() not in "".join(read)

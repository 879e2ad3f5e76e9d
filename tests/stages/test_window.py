"""Check the arithmetic of days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from include.config.window import lookback_of, portions, split, spread, window_of, with_lookback
from include.domain.errors import WindowError
from tests.stages.shop import AS_OF, Shop


def march(*days: int) -> tuple[date, ...]:
    return tuple(date(2024, 3, day) for day in days)


def with_window(shop: Shop, **window: object) -> Shop:
    return shop.declare(window={"label_delay_days": 1, "days": 6, "holdout_days": 2, "lookback_days": 2, **window})


def test_the_window_is_the_newest_matured_days(shop: Shop) -> None:
    assert window_of(shop.project, AS_OF) == march(5, 6, 7, 8, 9, 10)


@pytest.mark.parametrize(("delay", "newest"), [(0, 11), (1, 10), (7, 4)])
def test_a_day_is_used_when_its_label_is_known(shop: Shop, delay: int, newest: int) -> None:
    assert window_of(with_window(shop, label_delay_days=delay).project, AS_OF)[-1] == date(2024, 3, newest)


def test_a_longer_window_can_be_asked_for(shop: Shop) -> None:
    assert window_of(shop.project, AS_OF, 8) == march(3, 4, 5, 6, 7, 8, 9, 10)


def test_excluded_days_are_left_out_and_not_replaced(shop: Shop) -> None:
    project = with_window(shop, excluded=["2024-03-06", "2024-03-09"]).project
    assert window_of(project, AS_OF) == march(5, 7, 8, 10)
    assert lookback_of(project, date(2024, 3, 10)) == march(8)


def test_a_window_too_short_to_train_on_is_refused(shop: Shop) -> None:
    with pytest.raises(WindowError) as caught:
        window_of(shop.project, AS_OF, 3)
    assert str(caught.value) == (
        "shop/plan: window of 3 days up to 2024-03-10: too few days are left to train on and to judge with; "
        "got: 3 days, 0 of 3 excluded; allowed: at least 4 days (twice holdout_days); "
        "hint: ask for a longer window, or declare fewer holdout_days or excluded days"
    )


def test_the_holdout_is_the_newest_part_and_shares_no_day_with_train(shop: Shop) -> None:
    train, holdout = split(shop.project, window_of(shop.project, AS_OF))
    assert (train.first, train.last) == march(5, 8)
    assert (holdout.first, holdout.last) == march(9, 10)


def test_lookback_comes_before_the_day(shop: Shop) -> None:
    assert lookback_of(shop.project, date(2024, 3, 1)) == (date(2024, 2, 28), date(2024, 2, 29))
    assert with_lookback(shop.project, march(5, 8)) == march(3, 4, 5, 6, 7, 8)
    assert with_lookback(shop.project, window_of(shop.project, AS_OF)) == march(3, 4, 5, 6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    ("days", "batches", "sizes"),
    [(7, 3, [3, 2, 2]), (6, 2, [3, 3]), (2, 5, [1, 1]), (0, 4, []), (3, 0, [3]), (1, 1, [1])],
)
def test_days_are_spread_over_contiguous_batches(days: int, batches: int, sizes: list[int]) -> None:
    wanted = [date(2024, 1, 1) + timedelta(days=number) for number in range(days)]
    found = spread(wanted, batches)
    assert [len(batch) for batch in found] == sizes
    assert [day for batch in found for day in batch] == wanted


def test_each_run_takes_all_days_in_an_order_of_its_own(shop: Shop) -> None:
    days = march(*range(1, 22))
    orders = {run: portions(shop.project, days, run) for run in ("backfill of May", "backfill of June")}
    for taken in orders.values():
        assert sorted(taken) == [days[start : start + 2] for start in range(0, 21, 2)]
    assert len(set(orders.values())) == 2
    assert portions(shop.project, days, "backfill of May") == orders["backfill of May"]
    assert portions(shop.project, (), "backfill of May") == ()


@pytest.mark.parametrize(("lookback", "length"), [(0, 2), (1, 2), (7, 7)])
def test_a_portion_is_as_long_as_the_lookback(shop: Shop, lookback: int, length: int) -> None:
    taken = portions(with_window(shop, lookback_days=lookback).project, march(*range(1, 22)), "run")
    assert max(len(days) for days in taken) == length

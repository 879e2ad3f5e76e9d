"""Put every candidate of the bench before the champion of flight_delay."""

from __future__ import annotations

import pytest

from tests.integration.bench import looking_closer
from tests.integration.bench.cases import CASES, Case
from tests.integration.bench.expecting import expect
from tests.support.bench.house import House

pytestmark = [pytest.mark.integration, pytest.mark.deep]

PROJECT = "flight_delay"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_candidate_gets_what_it_deserves(case: Case, house: House) -> None:
    expect(case, house)


def test_each_is_scored_through_its_own_contract(house: House) -> None:
    looking_closer.each_is_scored_through_its_own_contract(house)


def test_the_overfitted_one_was_the_best_in_cross_validation(house: House) -> None:
    looking_closer.the_overfitted_one_was_the_best_in_cross_validation(house)


def test_bytes_that_change_after_the_verdict_are_not_released(house: House) -> None:
    looking_closer.bytes_that_change_after_the_verdict_are_not_released(house)

"""Say what a good day of flights looks like.

Row-level expectations set single flights aside; the others reject the whole day. A storm is no fault: on 9 February
2013, 57 % of the flights were cancelled, and that day must pass. Flights that landed without an arrival delay had been
diverted: at most 1.7 % of a day in 2013, so a day with many of them is broken.
"""

from __future__ import annotations

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation
from great_expectations.expectations.row_conditions import Column

KEYS = ["year", "month", "day", "carrier", "flight", "origin"]
TEXT = ["carrier", "origin", "dest"]
WHOLE_NUMBERS = ["year", "month", "day", "flight", "sched_dep_time", "sched_arr_time", "distance"]
NUMBERS = ["dep_delay", "arr_delay", "arr_time"]


def build_suite() -> list[Expectation]:
    """Return the expectations of one assembled day."""
    return [*_of_the_table(), *_of_each_flight()]


def _of_the_table() -> list[Expectation]:
    columns = {*KEYS, *TEXT, *WHOLE_NUMBERS, *NUMBERS, "tailnum", "plane_built", "yesterday_visibility"}
    types = [
        *(_type(name, "str", "text") for name in TEXT),
        *(_type(name, "int64", "whole numbers") for name in WHOLE_NUMBERS),
        *(_type(name, "float64", "numbers, some missing") for name in NUMBERS),
    ]
    return [
        gxe.ExpectTableColumnsToMatchSet(
            column_set=sorted(columns), exact_match=False, meta={"why": "features and target are made from these"}
        ),
        gxe.ExpectTableRowCountToBeBetween(
            min_value=300, max_value=2000, meta={"why": "634 to 1,014 flights left on a day of 2013"}
        ),
        gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
            column="arr_time", min_value=0.25, meta={"why": "even in the worst storm of 2013, 42 % of flights landed"}
        ),
        gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
            column="arr_delay",
            min_value=0.95,
            row_condition=Column("arr_time").is_not_null(),
            meta={"why": "of flights that landed, at most 1.7 % had no arrival delay on any day of 2013"},
        ),
        gxe.ExpectColumnDistinctValuesToContainSet(
            column="origin", value_set=["EWR", "JFK", "LGA"], meta={"why": "no airport closed for a whole day"}
        ),
        gxe.ExpectColumnUniqueValueCountToBeBetween(
            column="day", min_value=1, max_value=1, meta={"why": "a partition is one local day"}
        ),
        gxe.ExpectColumnStdevToBeBetween(
            column="arr_delay", min_value=5, max_value=300, meta={"why": "minutes; 18 to 103 on a day of 2013"}
        ),
        *types,
    ]


def _of_each_flight() -> list[Expectation]:
    return [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=KEYS, meta={"why": "a flight number leaves once a day"}),
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name, meta={"why": "a flight without it is no flight"})
            for name in TEXT
        ),
        gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=["EWR", "JFK", "LGA"]),
        gxe.ExpectColumnValuesToMatchRegex(column="carrier", regex=r"^[A-Z0-9]{2}$"),
        gxe.ExpectColumnValuesToMatchRegex(column="dest", regex=r"^[A-Z]{3}$"),
        gxe.ExpectColumnValuesToBeBetween(column="flight", min_value=1, max_value=9999),
        gxe.ExpectColumnValuesToBeBetween(
            column="sched_dep_time", min_value=0, max_value=2400, meta={"why": "a clock time, HHMM"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="sched_arr_time", min_value=0, max_value=2400, meta={"why": "a clock time, HHMM"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="distance", min_value=10, max_value=6000, meta={"why": "miles; Honolulu, the farthest, is 4,983"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="dep_delay", min_value=-120, max_value=1800, meta={"why": "minutes; 2013 had -43 to 1,301"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="arr_delay", min_value=-180, max_value=1800, meta={"why": "minutes; 2013 had -86 to 1,272"}
        ),
    ]


def _type(column: str, dtype: str, words: str) -> Expectation:
    return gxe.ExpectColumnTypeToBe(column=column, type_=dtype, meta={"why": f"{column} holds {words}"})

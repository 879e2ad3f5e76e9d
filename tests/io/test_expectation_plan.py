"""Check that a suite planned once finds in each frame what Great Expectations finds when it plans anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column
from great_expectations.validator.validator import ValidationDependencies

from include.io.expectations import RESULT_FORMAT, SuiteRunner

GOOD = pd.DataFrame(
    {
        "name": pd.Series(["a", "b", "c", "d", "e", "f"], dtype="str"),
        "price": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "cost": [0.5, 1.0, 2.5, 1.0, 1.0, 1.0],
        "size": [1, 2, 3, 4, 5, 6],
        "mixed": pd.Series(["1", "2", "3", "4", "5", "6"], dtype="object"),
    }
)
FRAMES = {
    "good": GOOD,
    "bad rows": GOOD.assign(price=[1.0, -2.0, None, 40.0, 40.0, 6.0], name=["a", "a", None, "d", "e9", "f"]),
    "other values": GOOD.assign(size=[9, 9, 9, 9, 9, 1], cost=[7.0] * 6),
    "other types": GOOD.assign(size=[1.5, 2.0, None, 4.0, 5.0, 6.0], price=["1", "2", "3", "4", "5", "6"]),
    "numbers as objects": GOOD.assign(mixed=pd.Series([1, 2, "3", 4, 5, 6], dtype="object")),
    "a column missing": GOOD.drop(columns="cost"),
    "no rows": GOOD.head(0),
    "good again": GOOD,
}


class ExpectFirstSizeElsewhere(gxe.ExpectColumnValuesToBeInSet):
    """An expectation as a project may write one: what it needs hangs on the frame's values."""

    def get_validation_dependencies(self, execution_engine: Any = None, runtime_configuration: Any = None) -> Any:
        needs: ValidationDependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        if execution_engine.batch_manager.active_batch_data.dataframe["size"].max() > 6:
            needs.remove_metric_configuration("column_values.in_set.unexpected_index_list")
        return needs


SUITES: dict[str, list[Expectation]] = {
    "rows": [
        gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0, max_value=10),
        gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0, mostly=0.6),
        gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0, row_condition=Column("cost") == 1.0),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnValuesToBeNull(column="cost"),
        gxe.ExpectColumnValuesToBeUnique(column="name"),
        gxe.ExpectColumnValuesToBeInSet(column="size", value_set=[1, 2, 3, 4, 5, 6]),
        gxe.ExpectColumnValuesToMatchRegex(column="name", regex="^[a-z]$"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="price", column_B="cost"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["name", "cost"]),
        gxe.ExpectColumnValueZScoresToBeLessThan(column="size", threshold=1, double_sided=True),
        gxe.ExpectColumnValueLengthsToBeBetween(column="name", min_value=1, max_value=1),
    ],
    "tables": [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, max_value=10),
        gxe.ExpectTableColumnsToMatchSet(column_set=list(GOOD.columns)),
        gxe.ExpectColumnToExist(column="cost"),
        gxe.ExpectColumnMeanToBeBetween(column="price", min_value=0, max_value=5),
        gxe.ExpectColumnStdevToBeBetween(column="cost", min_value=0.1, max_value=5),
        gxe.ExpectColumnQuantileValuesToBeBetween(
            column="size", quantile_ranges={"quantiles": [0.5], "value_ranges": [[2, 4]]}
        ),
        gxe.ExpectColumnDistinctValuesToEqualSet(column="size", value_set=[1, 2, 3, 4, 5, 6]),
    ],
    "types": [
        gxe.ExpectColumnValuesToBeOfType(column="mixed", type_="str"),
        gxe.ExpectColumnValuesToBeOfType(column="size", type_="int64"),
        gxe.ExpectColumnValuesToBeInTypeList(column="mixed", type_list=["str", "float64"]),
        gxe.ExpectColumnTypeToBe(column="price", type_="float64"),
    ],
    "drawn from the values": [
        ExpectFirstSizeElsewhere(column="size", value_set=[1, 2, 3, 4, 5, 6]),
        gxe.ExpectColumnKLDivergenceToBeLessThan(column="cost", threshold=0.1),
        gxe.ExpectColumnValuesToBeBetween(column="size", min_value=2),
    ],
}


@pytest.fixture(scope="module")
def day() -> BatchDefinition:
    """Return where Great Expectations takes a frame from."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("demo")
        .add_dataframe_asset("partition")
        .add_batch_definition_whole_dataframe("day")
    )


def said(validate: Callable[[], ExpectationSuiteValidationResult]) -> list[dict[str, Any]] | str:
    """Return the results, or what ends the validation."""
    try:
        return [comparable(result) for result in validate().results]
    except Exception as error:  # noqa: BLE001 - both ways are asked
        return repr(error)


def comparable(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result.to_json_dict()
    # the runner keeps samples only; a traceback tells who called
    for values in ("unexpected_list", "unexpected_index_list"):
        found["result"].pop(values, None)
    for info in (found["exception_info"], *found["exception_info"].values()):
        if isinstance(info, dict):
            info.pop("exception_traceback", None)
    return found


@pytest.mark.parametrize("name", SUITES)
def test_a_shared_plan_finds_what_a_new_one_finds(name: str, day: BatchDefinition) -> None:
    runner = SuiteRunner("demo", SUITES[name])
    suite = gx.ExpectationSuite(name="demo", expectations=SUITES[name])
    for title, frame in FRAMES.items():
        batch = day.get_batch(batch_parameters={"dataframe": frame})
        by_itself = said(partial(batch.validate, suite, result_format=RESULT_FORMAT))
        assert said(lambda frame=frame: runner.run(frame).document) == by_itself, title


def test_frames_of_the_same_types_are_planned_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = []
    between = gxe.ExpectColumnValuesToBeBetween
    own = between.get_validation_dependencies

    def noted(self: Any, *arguments: Any, **named: Any) -> ValidationDependencies:
        planned.append(self)
        return own(self, *arguments, **named)

    monkeypatch.setattr(between, "get_validation_dependencies", noted)
    runner = SuiteRunner("demo", [between(column="size", min_value=0)])
    rows = [runner.run(FRAMES[title]).checks[0].rows for title in ("good", "bad rows", "other values")]
    assert (rows, len(planned)) == ([(), (), ()], 1)
    runner.run(FRAMES["other types"])
    assert len(planned) == 2

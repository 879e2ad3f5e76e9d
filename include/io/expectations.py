"""Run a Great Expectations suite over frames, and say what it finds in our words.

One ephemeral context, one suite and one plan serve all frames of a batch (see `expectation_plan`). One pass with row
numbers (COMPLETE) takes as long as one without; hence one pass instead of two.
"""

from __future__ import annotations

import html
import json
import logging
import os
from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd

from include.domain.errors import MAX_EXAMPLES

# before the import: it logs a line for each function it registers, and versions with telemetry read this variable
logging.getLogger("great_expectations").setLevel(logging.ERROR)
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx  # noqa: E402
from great_expectations.core.expectation_validation_result import (  # noqa: E402
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.types.base import (  # noqa: E402
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.expectation import Expectation  # noqa: E402
from great_expectations.render.renderer import (  # noqa: E402
    ExpectationSuitePageRenderer,
    ValidationResultsPageRenderer,
)
from great_expectations.render.view import DefaultJinjaPageView  # noqa: E402
from great_expectations.util import convert_to_json_serializable  # noqa: E402

from include.io.expectation_plan import PlannedValidator, SuitePlan  # noqa: E402

RESULT_FORMAT = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
_VALUE_LISTS = ("unexpected_list", "partial_unexpected_list", "partial_unexpected_counts", "details")
_FULL_LISTS = ("unexpected_list", "unexpected_index_list")
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Check:
    """Hold what one expectation found in one frame.

    Attributes:
        name: The expectation: "expect_column_values_to_be_between".
        columns: The columns it looks at; empty for the whole table.
        success: Whether it holds (within its own `mostly`).
        count: Rows that break it; for a table-level expectation 0.
        rows: Their positions in the frame; None when it does not speak of single rows.
        examples: Up to five offending values as text, or the observed value of a table-level expectation; none for
            personal data.
        exception: Why it could not be evaluated, or an empty string.
    """

    name: str
    columns: tuple[str, ...]
    success: bool
    count: int = 0
    rows: tuple[int, ...] | None = None
    examples: tuple[str, ...] = ()
    exception: str = ""

    @property
    def label(self) -> str:
        """Return the check with its columns: "expect_column_values_to_not_be_null(carrier)"."""
        return f"{self.name}({', '.join(self.columns)})"


@dataclass(frozen=True)
class SuiteReport:
    """Hold what a suite found in one frame: checks for us, `document` for Great Expectations' own page."""

    checks: tuple[Check, ...]
    document: ExpectationSuiteValidationResult = field(repr=False)

    def as_json(self) -> list[dict[str, Any]]:
        """Return each expectation's result as plain JSON values; the same frame gives the same values."""
        return [_plain(result) for result in self.document.results]

    def as_page(self) -> str:
        """Return Great Expectations' own page of the results; its templates do not escape what comes from the data.

        When the frame was loaded is left out: checked again, the same frame gives the same page.
        """
        document = copy(self.document)
        markers = document.meta["batch_markers"]
        document.meta = {**document.meta, "batch_markers": {k: markers[k] for k in markers if k != "ge_load_time"}}
        document.results = [copy(result) for result in self.document.results]
        for result in document.results:
            result.result = _escaped(result.result)
            # Great Expectations escapes the message, not the traceback, which may quote a value, too
            result.exception_info = _escaped(result.exception_info, only="exception_traceback")
        return str(_view().render(ValidationResultsPageRenderer().render(document)))


class SuiteRunner:
    """Run one suite over many frames.

    Args:
        name: The suite's name, shown in the Data Docs.
        expectations: Great Expectations objects.
        hidden_columns: Columns with personal data: their values are left out of every report.
    """

    def __init__(self, name: str, expectations: Sequence[Expectation], hidden_columns: Sequence[str] = ()) -> None:
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=ProgressBarsConfig(globally=False)
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas(name).add_dataframe_asset("partition")
        self._batch_definition = asset.add_batch_definition_whole_dataframe("day")
        self._plans: dict[Hashable, SuitePlan] = {}
        self._suite = gx.ExpectationSuite(name=name, expectations=list(expectations))
        self._hidden = frozenset(hidden_columns)

    def run(self, frame: pd.DataFrame) -> SuiteReport:
        """Return what the suite finds in `frame`, whose index must be 0, 1, 2, ..."""
        validator = PlannedValidator(self._batch_definition, frame, self._plans, RESULT_FORMAT)
        document = validator.validate_expectation_suite(self._suite)
        checks = []
        for result in document.results:
            columns = _columns(result)
            if self._hidden & set(columns):
                for values in _VALUE_LISTS:
                    result.result.pop(values, None)
            checks.append(_check(result, columns, bool(self._hidden & set(columns))))
            for values in _FULL_LISTS:
                # all offending rows are kept beside the report, with their reasons; here samples are enough
                result.result.pop(values, None)
            result.result = _json_values(result.result)
        return SuiteReport(tuple(checks), document)

    def as_page(self) -> str:
        """Return Great Expectations' own page of what is expected."""
        return str(_view().render(ExpectationSuitePageRenderer().render(self._suite)))


@cache
def _view() -> DefaultJinjaPageView:
    """Return the one view of the process: compiling its templates takes ten times as long as rendering a page."""
    return DefaultJinjaPageView()


def is_expectation(value: object) -> bool:
    """Tell whether `value` is a Great Expectations expectation."""
    return isinstance(value, Expectation)


def _check(result: ExpectationValidationResult, columns: tuple[str, ...], hidden: bool) -> Check:
    found = result.result
    index = found.get("unexpected_index_list")
    values = found.get("partial_unexpected_list", [found["observed_value"]] if "observed_value" in found else [])
    exception = _exception(result.exception_info or {})
    return Check(
        name=result.expectation_config.type,
        columns=columns,
        success=bool(result.success),
        count=int(found.get("unexpected_count", 0)),
        rows=None if index is None or exception else tuple(int(row) for row in index),
        examples=() if hidden else _examples(values),
        # the text of an exception may quote a value
        exception=exception.split(":")[0] if exception and hidden else exception,
    )


def _examples(values: Sequence[Any]) -> tuple[str, ...]:
    """Return up to five different values as short text, in the order they were found."""
    texts = dict.fromkeys(str(_json_values(value))[:80] for value in values)
    return tuple(texts)[:MAX_EXAMPLES]


def _exception(info: dict[str, Any]) -> str:
    """Return the first message of an exception report, which is flat or keyed by metric."""
    reports = [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]
    raised = [str(report.get("exception_message")) for report in reports if report.get("raised_exception")]
    return " ".join(raised[0].removeprefix("Error: ").split())[:300] if raised else ""


def _columns(result: ExpectationValidationResult) -> tuple[str, ...]:
    arguments = result.expectation_config.kwargs
    single = [arguments[name] for name in _COLUMN_ARGUMENTS if isinstance(arguments.get(name), str)]
    return tuple(single) + tuple(arguments.get("column_list") or ())


def _plain(result: ExpectationValidationResult) -> dict[str, Any]:
    arguments = {name: value for name, value in result.expectation_config.kwargs.items() if name != "batch_id"}
    return {
        "expectation": result.expectation_config.type,
        "arguments": _json_values(arguments),
        "success": bool(result.success),
        "result": result.result,
        "exception": _exception(result.exception_info or {}),
    }


def _escaped(value: Any, only: str = "") -> Any:
    """Return `value` with its texts escaped for HTML; with `only`, those under that key alone."""
    if isinstance(value, str):
        return value if only else html.escape(value)
    if isinstance(value, dict):
        return {name: _escaped(one, "" if name == only else only) for name, one in value.items()}
    return [_escaped(one, only) for one in value] if isinstance(value, list) else value


def _json_values(value: Any) -> Any:
    """Return `value` as what JSON can hold; numpy's floats pass for Python's, and Data Docs then fail on them."""
    return json.loads(json.dumps(convert_to_json_serializable(value)))

"""Plan a Great Expectations suite once for many frames.

Before Great Expectations looks at a frame it works out which metrics each expectation needs, and which metrics those
need in turn: three quarters of its time on a day of a few hundred rows, and the same for every frame whose columns have
the same types. Here that is kept. The metrics and the results are Great Expectations' own, frame by frame.
"""

from __future__ import annotations

import traceback
from collections.abc import Hashable, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations.core import ExpectColumnKLDivergenceToBeLessThan
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration, parse_result_format
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.v1_validator import Validator as BatchValidator
from great_expectations.validator.validation_graph import ExpectationValidationGraph, MetricEdge, ValidationGraph
from great_expectations.validator.validator import Validator


@dataclass(frozen=True)
class PlannedExpectation:
    """Hold what one expectation needs.

    Attributes:
        expectation: The expectation, told which batch it runs on.
        needs: The metrics its result is made from, by the names it knows them by.
        graph: Those metrics with all that they are made from, and the expectation's configuration.
    """

    expectation: Expectation
    needs: dict[str, MetricConfiguration]
    graph: ExpectationValidationGraph

    @property
    def holds_for_all_frames(self) -> bool:
        """Tell whether only the types of a frame's columns decide what is needed, not its values.

        So it is with all of Great Expectations' own expectations but one, which draws its bins from the values. What
        an expectation of the project's own looks at is not known.
        """
        own = type(self.expectation).__module__.startswith("great_expectations.")
        return own and not isinstance(self.expectation, ExpectColumnKLDivergenceToBeLessThan)


@dataclass
class SuitePlan:
    """Keep what a suite needs of frames whose columns have the same types.

    Attributes:
        expectations: What each needs, by its position in the suite; only those that no value can change.
        edges: The edges of the graphs of all of them, each once; None until it is asked for.
    """

    expectations: dict[int, PlannedExpectation] = field(default_factory=dict)
    edges: list[MetricEdge] | None = None

    def keep(self, position: int, one: PlannedExpectation) -> None:
        """Keep what the expectation at `position` needs, if it is the same for all frames."""
        if one.holds_for_all_frames and self.expectations.get(position) is not one:
            self.expectations[position] = one
            self.edges = None

    def edges_of(self, planned: Sequence[PlannedExpectation]) -> list[MetricEdge]:
        """Return the edges of all graphs of `planned`, each once: expectations of one column share most of theirs."""
        if len(self.expectations) < len(planned):
            return _distinct(planned)
        if self.edges is None:
            self.edges = _distinct(planned)
        return self.edges


class PlannedValidator(BatchValidator):
    """Validate one frame as Great Expectations does, by a plan that other frames of the suite share.

    Args:
        batch_definition: The batch that takes the frame.
        frame: What is validated.
        plans: What earlier frames of the same suite needed, by the types of their columns; this one's is added.
        result_format: As Great Expectations knows it.
    """

    def __init__(
        self,
        batch_definition: BatchDefinition,
        frame: pd.DataFrame,
        plans: dict[Hashable, SuitePlan],
        result_format: dict[str, Any],
    ) -> None:
        super().__init__(batch_definition, result_format=result_format, batch_parameters={"dataframe": frame})
        self._plan = plans.setdefault(tuple(frame.dtypes.items()), SuitePlan())

    def _validate_expectation_configs(
        self, expectation_configs: list[ExpectationConfiguration], expectation_parameters: Any = None
    ) -> list[ExpectationValidationResult]:
        """Return each expectation's result, in the order and by the course of Great Expectations' `graph_validate`."""
        validator = self._wrapped_validator
        runtime = {"result_format": copy(self.result_format)}
        results: list[ExpectationValidationResult] = []
        planned = []
        for position, configuration in enumerate(
            validator.process_expectations_for_validation(expectation_configs, expectation_parameters)
        ):
            one = self._plan.expectations.get(position) or _plan(validator, configuration, runtime, results)
            if one is not None:
                self._plan.keep(position, one)
                planned.append(one)
        left = [one.graph.configuration for one in planned]
        try:
            metrics, results, left = validator._resolve_suite_level_graph_and_process_metric_evaluation_errors(
                graph=ValidationGraph(validator.execution_engine, self._plan.edges_of(planned)),
                runtime_configuration=runtime,
                expectation_validation_graphs=[one.graph for one in planned],
                evrs=results,
                processed_configurations=left,
                show_progress_bars=False,
            )
        except Exception as error:  # noqa: BLE001 - as Great Expectations: told in the result
            return _failed(validator, error, left, results)
        by_configuration = {id(one.graph.configuration): one for one in planned}
        for configuration in left:
            try:
                one = by_configuration[id(configuration)]
                results.append(_result(one, metrics, validator.execution_engine, deepcopy(runtime)))
            except Exception as error:  # noqa: BLE001 - as Great Expectations: told in the result
                results = _failed(validator, error, [configuration], results)
        return results


def _plan(
    validator: Validator,
    configuration: ExpectationConfiguration,
    runtime: dict[str, Any],
    results: list[ExpectationValidationResult],
) -> PlannedExpectation | None:
    """Return what an expectation needs; None, with its failure added to `results`, where that cannot be worked out."""
    placed = deepcopy(configuration)
    placed.kwargs.update({"batch_id": validator.active_batch_id})
    expectation = placed.to_domain_obj()
    needs = expectation.get_validation_dependencies(validator.execution_engine, runtime).metric_configurations
    try:
        graph = validator._metrics_calculator.build_metric_dependency_graph(list(needs.values()), runtime)
    except Exception as error:  # noqa: BLE001 - told in the result
        _failed(validator, error, [placed], results)
        return None
    return PlannedExpectation(expectation, needs, ExpectationValidationGraph(placed, graph))


def _result(
    one: PlannedExpectation, metrics: dict[Any, Any], engine: ExecutionEngine, runtime: dict[str, Any]
) -> ExpectationValidationResult:
    """Return an expectation's result; an expectation of the project's own makes it from what it needs by now."""
    ids = {name: metric.id for name, metric in one.needs.items()}
    if not one.holds_for_all_frames or not metrics.keys() >= set(ids.values()):
        return one.expectation.metrics_validate(metrics, runtime, engine)
    runtime["result_format"] = parse_result_format(runtime["result_format"])
    provided = {name: metrics[found] for name, found in ids.items()}
    return one.expectation._build_evr(one.expectation._validate(provided, runtime, engine))


def _failed(
    validator: Validator,
    error: Exception,
    configurations: list[ExpectationConfiguration],
    results: list[ExpectationValidationResult],
) -> list[ExpectationValidationResult]:
    return validator._catch_exceptions_in_failing_expectation_validations(
        exception_traceback="".join(traceback.format_exception(error)),
        exception=error,
        failing_expectation_configurations=configurations,
        evrs=results,
    )


def _distinct(planned: Sequence[PlannedExpectation]) -> list[MetricEdge]:
    edges: dict[Any, MetricEdge] = {}
    for one in planned:
        for edge in one.graph.graph.edges:
            edges.setdefault(edge.id, edge)
    return list(edges.values())

"""Write what was measured of a model for its card: metrics, comparison, answers, groups, and the limits found."""

from __future__ import annotations

from collections.abc import Sequence

from include.domain.decision import Decision
from include.domain.evidence import Measurements
from include.domain.explanation import Explanation
from include.reports.data_report import LARGE_SHIFT, by_shift
from include.reports.decision_tables import confusions, group_tables
from include.reports.first_screen import (
    answers_sentence,
    describe_group,
    holding,
    money_sentence,
    plain_failure,
    rejecting,
    upper_first,
)
from include.reports.markdown import metric_table, section, sentences, table
from include.reports.plots import ROLES
from include.reports.wording import (
    amount,
    chance,
    count,
    counted_rows,
    extent,
    group_name,
    in_words,
    listed,
    number,
    percent,
    points,
    share,
    signed,
    words,
)

NAMED = 10


def evidence(decision: Decision) -> list[str]:
    """Return the sections of what was measured; those that nothing was measured for are left out."""
    measured = decision.measurements
    return [
        *section("Metrics on the holdout", _metrics(decision)),
        *section("Compared with the champion", _comparison(decision)),
        *section(
            "Answers", sentences([answers_sentence(decision), money_sentence(decision)]), _answers(decision)
        ),
        *section("Calibration", _calibration(measured)),
        *section(f"Groups of {decision.row.many}", _groups(decision)),
        *section("Groups of people", _people(decision)),
        *section("Behaviour", _behaviour(decision)),
        *section("Serving", _serving(decision)),
    ]  # fmt: skip


def _metrics(decision: Decision) -> list[str]:
    intervals = {"This model": decision.challenger.interval}
    if decision.champion:
        intervals["The champion"] = decision.champion.interval
    primary = words(decision.primary_metric)
    return [
        *metric_table(decision, "This model"),
        *sentences(
            f"{name}: 95 % interval of {primary}, by drawing whole days: {extent(interval)}."
            for name, interval in intervals.items()
            if interval
        ),
    ]


def _comparison(decision: Decision) -> list[str]:
    measured = decision.measurements
    gains = table(
        ["Gain in", "Gain", "At least", "At most", "Each at", "p", "Method"],
        [
            [
                words(each.metric),
                signed(each.value),
                signed(each.lower),
                signed(each.upper),
                percent(each.confidence),
                chance(each.p_value),
                each.method,
            ]
            for each in measured.differences
        ],
    )
    tests = table(
        ["Test", "Of", "Gain", "p, two-sided", "Takes for granted"],
        [
            [test.name, words(test.metric), signed(test.gain), chance(test.p_value), test.note]
            for test in measured.tests
        ],
    )
    return [*gains, *tests]


def _answers(decision: Decision) -> list[str]:
    return table(
        ["Model", "Threshold", "Found", "False alarms", "Missed", "Left alone", "Precision", "Recall"],
        [
            [
                found.role,
                number(found.point.threshold, 3),
                count(found.point.true_positives),
                count(found.point.false_positives),
                count(found.point.false_negatives),
                count(found.point.true_negatives),
                share(found.precision),
                share(found.recall),
            ]
            for found in confusions(decision)
        ],
    )


def _calibration(measured: Measurements) -> list[str]:
    return table(
        ["Model", "Expected calibration error", "Brier score", "Part of it that calibration would take away"],
        [
            [role, number(found.ece), number(found.brier_score), number(found.reliability)]
            for role in ROLES
            if (found := measured.calibration.get(role))
        ],
    )


def _groups(decision: Decision) -> list[str]:
    lines: list[str] = []
    for found in group_tables(decision):
        lines += table(
            [
                found.column,
                upper_first(decision.row.many),
                "Positive",
                words(found.metric),
                "Champion",
                "Gain",
                "95 % interval",
            ],
            [
                [
                    group_name(decision, group.column, group.group) + _too_few(decision, group.judged),
                    count(group.rows),
                    share(group.positive_rate),
                    number(group.challenger),
                    number(group.champion),
                    signed(group.gain),
                    f"{signed(group.interval[0])} to {signed(group.interval[1])}" if group.interval else "–",
                ]
                for group in (row.group for row in found.rows)
            ],
        )
    return lines


def _too_few(decision: Decision, judged: bool) -> str:
    return "" if judged else f" (too few {decision.row.many} to judge)"


def _people(decision: Decision) -> list[str]:
    lines: list[str] = []
    for found in decision.measurements.fairness:
        lines += table(
            [found.column, upper_first(decision.row.many), "Answered yes", "Positives found", "False alarms"],
            [
                [
                    group.group + _too_few(decision, group.judged),
                    count(group.rows),
                    share(group.selection_rate),
                    share(group.true_positive_rate),
                    share(group.false_positive_rate),
                ]
                for group in found.groups
            ],
        )
        lines += sentences(
            f"{found.column}, {name} difference: {points(value)}."
            for name, value in (
                ("demographic parity", found.demographic_parity_difference),
                ("equalised odds", found.equalized_odds_difference),
            )
            if value is not None
        )
    return lines


def _behaviour(decision: Decision) -> list[str]:
    return table(
        ["Test", "Kind", upper_first(decision.row.many), "Held in", "Demanded"],
        [
            [check.name, check.kind, count(check.rows), share(check.held) if check.rows else "–", share(check.needed)]
            for check in decision.measurements.behaviour or ()
        ],
    )


def _serving(decision: Decision) -> list[str]:
    found, row = decision.measurements.runtime, decision.row
    if found is None:
        return []
    return sentences(
        [
            f"It does not serve: {found.error}." if found.error else "",
            f"95 of 100 single {row.many} are answered within {amount(found.p95_ms, 'ms')}." if found.p95_ms else "",
            f"It takes {amount(found.memory_mb, 'MB')} of memory to load and answer." if found.memory_mb else "",
            f"The model's file has {amount(found.size_mb, 'MB')}.",
        ]
    )


def limits(decision: Decision, explanation: Explanation, notes: Sequence[str]) -> list[str]:
    """Return what stands against the model, in sentences: closed gates, weak parts, groups that are too small."""
    measured = decision.measurements
    worse = [
        describe_group(decision, row.group)
        for found in group_tables(decision)
        for row in found.rows
        if row.sure and row.group.judged and (row.group.gain or 0.0) < 0
    ]
    small = [
        *((group.column, group.group) for group in measured.groups if not group.judged),
        *((found.column, group.group) for found in measured.fairness for group in found.groups if not group.judged),
    ]
    small_names = [f"{column} {group_name(decision, column, group)}" for column, group in small]
    gated = {gate.metric for gate in decision.gates if gate.kind == "behaviour"}
    misbehaves = [
        f"{words(check.name)}: {share(check.held)} of the {decision.row.many}, demanded {share(check.needed)}."
        for check in measured.behaviour or ()
        if not check.passed and check.name not in gated
    ]
    return sentences(
        [
            *(plain_failure(gate, decision.row, decision) for gate in (*rejecting(decision), *holding(decision))),
            *(f"Does not hold everywhere, {text}" for text in misbehaves),
            f"Worse off than with the champion: {listed(worse[:NAMED])}." if worse else "",
            *_weak_parts(decision, explanation),
            _shift(explanation),
            f"Too few {decision.row.many} to judge: {listed(_shortened(small_names))}." if small else "",
            *(f"While it was fitted: {note}" for note in notes),
        ]
    )


def _weak_parts(decision: Decision, explanation: Explanation) -> list[str]:
    return [
        f"Where {in_words(decision, found.rule)} ({counted_rows(found.rows, decision.row)}), "
        f"the mean log loss is {number(found.loss)}; "
        f"over all {decision.row.many} it is {number(found.overall)}."
        for found in explanation.errors.slices
    ]


def _shift(explanation: Explanation) -> str:
    moved = [each.name for each in by_shift(explanation.data) if each.psi >= LARGE_SHIFT] if explanation.data else []
    return (
        f"Spread very differently in the holdout than in the train part: {listed(_shortened(moved))}." if moved else ""
    )


def _shortened(names: list[str]) -> list[str]:
    names = list(dict.fromkeys(names))
    return names if len(names) <= NAMED else [*names[:NAMED], f"{len(names) - NAMED} more"]

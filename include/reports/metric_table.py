"""Set a decision's metrics side by side in Markdown: its model, the champion, the gain, the baseline."""

from __future__ import annotations

from include.config.decision import Decision
from include.reports.decision_tables import metric_rows
from include.reports.markdown import table
from include.reports.wording import number, signed, words


def metric_table(decision: Decision, ours: str) -> list[str]:
    """Return one row a metric; `ours` heads the column of the decision's own model."""
    rows = [
        [
            words(row.name) + (" (lower is better)" if row.lower_is_better else ""),
            number(row.challenger),
            number(row.champion),
            signed(row.gain),
            number(row.baseline),
        ]
        for row in metric_rows(decision)
    ]
    return table(["Metric", ours, "Champion", "Gain", "Baseline"], rows)

"""Write a decision as one HTML page that needs nothing else: it can be mailed, archived and read in ten years."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from include.config.decision import Decision, GateResult, ModelSummary
from include.config.gates import LOWER_IS_BETTER
from include.config.results import Span

TEMPLATE = "decision_page.html.j2"
PLOT_SIZE = 300
WORDS: dict[str, str] = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "log_loss": "Log loss",
    "accuracy": "Accuracy",
    "f1": "F1",
    "minimum": "High enough",
    "maximum": "Low enough",
    "beats_baseline": "Better than the baseline",
    "not_worse_than_champion": "Not worse than the champion",
    "leak_alarm": "Not too good to be true",
}


@dataclass(frozen=True)
class MetricRow:
    """Hold one metric of the holdout as shown; `gain` is positive where the challenger is better."""

    name: str
    lower_is_better: bool
    primary: bool
    challenger: float | None
    champion: float | None
    baseline: float | None
    gain: float | None


@dataclass(frozen=True)
class Curve:
    """Hold one ROC curve: its name, its points as an SVG `points` attribute, its area."""

    name: str
    points: str
    area: float | None


@dataclass(frozen=True)
class Tried:
    """Hold one candidate's cross-validation score, and where its bar lies between the lowest and highest one."""

    model: ModelSummary
    chosen: bool
    left: float
    width: float
    middle: float


def render(decision: Decision) -> str:
    """Return the decision as a self-contained HTML page: no script, no address is fetched, all text escaped."""
    return _template().render(
        decision=decision,
        headline=headline(decision),
        failed=[gate for gate in decision.gates if not gate.passed],
        gates=sorted(decision.gates, key=lambda gate: gate.passed),
        metrics=metric_rows(decision),
        primary=next(row for row in metric_rows(decision) if row.primary),
        curves=curves(decision),
        tried=tried(decision),
        spans=[("Train", decision.train, decision.train_rows), ("Holdout", decision.holdout, decision.holdout_rows)],
        days=days,
        compared_with=compared_with,
        primary_difference=decision.measurements.difference(decision.primary_metric),
        size=PLOT_SIZE,
        ticks=[0.0, 0.25, 0.5, 0.75, 1.0],
    )


@cache
def _template() -> Template:
    """Return the one template of the process: compiling it takes ten times as long as rendering a page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "signed": signed, "words": words, "count": count, "moment": moment}
    environment.filters |= {"extent": extent, "share": share, "chance": chance}
    return environment.get_template(TEMPLATE)


def headline(decision: Decision) -> str:
    """Return the verdict in a sentence."""
    name = decision.challenger.candidate
    champion = f"the champion{_version(decision.champion)}" if decision.champion else ""
    if decision.verdict == "PROMOTE":
        return (
            f"{name} proved better than {champion} and replaces it." if champion else f"{name} is the first champion."
        )
    if decision.verdict == "HOLD":
        return f"{name} passed; {champion or 'nothing'} {'stays' if champion else 'is promoted'}."
    failed = sum(1 for gate in decision.gates if not gate.passed)
    gates = f"{failed} of {len(decision.gates)} gates"
    return f"{name} failed {gates}; {f'{champion} stays' if champion else 'there is still no champion'}."


def _version(model: ModelSummary | None) -> str:
    return f" (version {model.version})" if model and model.version else ""


def metric_rows(decision: Decision) -> list[MetricRow]:
    """Return the holdout's metrics, the primary one first."""
    measured = decision.challenger.holdout
    names = sorted({decision.primary_metric, *measured}, key=lambda name: (name != decision.primary_metric, name))
    champion: Mapping[str, float] = decision.champion.holdout if decision.champion else {}
    return [
        MetricRow(
            name=name,
            lower_is_better=name in LOWER_IS_BETTER,
            primary=name == decision.primary_metric,
            challenger=measured.get(name),
            champion=champion.get(name),
            baseline=decision.baseline.get(name),
            gain=_gain(name, measured.get(name), champion.get(name)),
        )
        for name in names
    ]


def _gain(metric: str, challenger: float | None, champion: float | None) -> float | None:
    if challenger is None or champion is None:
        return None
    return champion - challenger if metric in LOWER_IS_BETTER else challenger - champion


def compared_with(gate: GateResult) -> str:
    """Return what the reference value of a gate is."""
    return {"beats_baseline": "baseline", "not_worse_than_champion": "champion"}.get(gate.kind, "")


def curves(decision: Decision) -> list[Curve]:
    """Return the ROC curves for the plot, the challenger's first; y grows downwards in SVG."""
    areas = {"challenger": decision.challenger.holdout.get("roc_auc")}
    if decision.champion:
        areas["champion"] = decision.champion.holdout.get("roc_auc")
    return [
        Curve(name, _points(decision.curves[name]), area) for name, area in areas.items() if decision.curves.get(name)
    ]


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x * PLOT_SIZE:.1f},{(1 - y) * PLOT_SIZE:.1f}" for x, y in points)


def tried(decision: Decision) -> list[Tried]:
    """Return all candidates with their cross-validation scores, the best first."""
    lower = decision.primary_metric in LOWER_IS_BETTER
    models = [decision.challenger, *decision.others]
    scored = [model for model in models if model.cv_mean is not None]
    scored.sort(key=lambda model: (model.cv_mean or 0.0) * (1 if lower else -1))
    lows = [(model.cv_mean or 0.0) - (model.cv_std or 0.0) for model in scored]
    highs = [(model.cv_mean or 0.0) + (model.cv_std or 0.0) for model in scored]
    low = min(lows, default=0.0)
    extent = max(highs, default=1.0) - low or 1.0
    bars = [
        Tried(
            model=model,
            chosen=model.candidate_id == decision.challenger.candidate_id,
            left=100 * (lows[index] - low) / extent,
            width=100 * (highs[index] - lows[index]) / extent,
            middle=100 * ((model.cv_mean or 0.0) - low) / extent,
        )
        for index, model in enumerate(scored)
    ]
    return bars + [Tried(model, model is decision.challenger, 0, 0, 0) for model in models if model.cv_mean is None]


def days(span: Span) -> int:
    """Return how many days a span holds, both ends included."""
    return (span.last - span.first).days + 1


def number(value: float | None) -> str:
    """Return a number with four decimals, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.4f}".replace("-", "−")


def extent(interval: tuple[float, float]) -> str:
    """Return an interval's two ends."""
    return f"{number(interval[0])} to {number(interval[1])}"


def share(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def chance(p_value: float) -> str:
    """Return a p-value: below a thousandth only that."""
    return "less than 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def signed(value: float | None) -> str:
    """Return a difference with its sign."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:+.4f}".replace("-", "−")


def count(value: int) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def words(name: str) -> str:
    """Return the name people use for a metric or a gate."""
    return WORDS.get(name, name.replace("_", " "))


def moment(value: datetime) -> str:
    """Return a time in UTC to the minute."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

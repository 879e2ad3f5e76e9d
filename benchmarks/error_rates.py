"""Measure how often the gates are wrong: noise or equal challengers promoted, and real or better models not.

    .venv/bin/python -m benchmarks.error_rates [--only noise|first|duels] [--project NAME] [--tries 200] [--json]

**noise**: labels that no feature tells anything of, in days of several shapes; the first model of each project is
judged by its gates, once for each primary metric. Promised: at most 5 % are promoted. **first**: a real project's own
model as the first one, on windows of its real days. Promised: at least 95 % of 50 are promoted. **duels**: a challenger
against a champion.

For each project of the duels, windows of its real days are spread over all there are. A try trains a challenger and a
champion of equal quality on the same rows, each with a seed of its own, and the project's gates judge them on the
holdout. Then the same challenger meets a champion that is truly worse: the same model, with a share of the rows to
learn from, or with a share of the trees. The share is chosen so that the challenger's gain is twice the margin of
`better_than_champion`; the gain over the holdouts of all windows is told beside it. The estimators are the project's
own, with the first setting of their search. Promised are at most 8 % of the equal, and at least 80 % of the better
ones.

The exit status is 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.duels import Arena, Outcome, Worse
from benchmarks.noise import METRICS, SHAPES, judge_noise
from benchmarks.real_days import PROJECTS, RealDays, read_real_days
from include.config.discovery import load_project
from include.config.gates import BetterThanChampionGate
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.demo_feed.feed import FEEDS

EQUAL_AT_MOST, BETTER_AT_LEAST = 0.08, 0.80
NOISE_AT_MOST, FIRST_AT_LEAST = 0.05, 0.95
# of the rows, for a champion that is worse; what is in between is interpolated
SHARES = (0.03, 0.06, 0.12, 0.25, 0.5)
WORSE: dict[str, Worse] = {"flight_delay": "rows", "telco_churn": "trees"}


@dataclass(frozen=True)
class Lesser:
    """Say how a champion is made worse, and with which threshold it answers."""

    worse: Worse
    share: float
    threshold: float


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", choices=FEEDS, help="one only (default: all)")
    parser.add_argument(
        "--only", choices=("noise", "first", "duels"), help="one part only (default: all; of one project, no noise)"
    )
    parser.add_argument("--tries", type=int, default=200, help="of each kind (default: 200)")
    parser.add_argument("--firsts", type=int, default=50, help="real first models of each project (default: 50)")
    parser.add_argument("--as-of-days", type=int, default=20, help="over which they are spread (default: 20)")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    parser.add_argument("--margin", type=float, help="try another margin than the declared one")
    parser.add_argument("--worse", choices=("rows", "trees"), help="what a worse champion has less of")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    if min(given.tries, given.as_of_days, given.firsts) < 2:
        parser.error("one try, or one as-of day, says nothing of chance: at least 2 of each")
    found = _measure_all(given)
    told = [
        *(_noise_line(each) for each in found.get("noise", ())),
        *(_first_line(each) for each in found.get("first", ())),
        *(_table(each) for each in found.get("projects", ())),
    ]
    print(json.dumps(found) if given.json else "\n".join(told))
    return 0 if all(each["kept"] for part in found.values() for each in part) else 1


def _measure_all(given: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of each part that is asked for, and whether each promise is kept."""
    names, parts = (given.project,) if given.project else tuple(FEEDS), {}
    if given.only == "noise" or (given.only is None and given.project is None):
        parts["noise"] = _measure_noise(given)
    if given.only in (None, "first"):
        parts["first"] = [_measure_first(name, given) for name in names]
    if given.only in (None, "duels"):
        parts["projects"] = [_measure(name, given) for name in names]
    return parts


def _measure_noise(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return how many first models of noise are promoted, for each shape of the data and each primary metric."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.processes, spawn) as pool:
        jobs = {
            (shape.name, metric): [pool.submit(judge_noise, metric, shape, number) for number in range(given.tries)]
            for shape in SHAPES
            for metric in METRICS
        }
        found = []
        for (shape, metric), waiting in jobs.items():
            verdicts = [job.result()[0] for job in waiting]
            promoted = verdicts.count("PROMOTE")
            _tell(f"noise: {shape}, {metric}: {promoted} of {given.tries} promoted")
            kept = promoted <= NOISE_AT_MOST * given.tries
            found.append({"data": shape, "metric": metric, "tries": given.tries, "promoted": promoted, "kept": kept})
    return found


def _measure_first(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return how many first models of a real project are promoted, and which gates stop the others."""
    with tempfile.TemporaryDirectory(prefix="nightshift-error-rates-") as temporary:
        windows = read_real_days(name, Path(temporary), _tell).windows(min(given.as_of_days, given.firsts))
        path = Path(temporary) / "windows.pickle"
        path.write_bytes(pickle.dumps((load_project(PROJECTS, name), windows)))
        tries = [len(part) for part in np.array_split(np.arange(given.firsts), len(windows))]
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(given.processes, spawn) as pool:
            jobs = [pool.submit(_play_first, path, each, tries[each]) for each in range(len(windows))]
            summary = _summary(_all(f"{name}: judging first models", jobs))
    return {"project": name, **summary, "kept": summary["promoted"] >= FIRST_AT_LEAST * given.firsts}


def _measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    began, worse = time.monotonic(), given.worse or WORSE[name]
    with tempfile.TemporaryDirectory(prefix="nightshift-error-rates-") as temporary:
        real = read_real_days(name, Path(temporary), _tell)
        project = _with_margin(real.project, given.margin)
        windows = RealDays(project, real.frame, real.cyclic).windows(min(given.as_of_days, given.tries))
        path = Path(temporary) / "windows.pickle"
        path.write_bytes(pickle.dumps((project, windows)))
        # a fork after XGBoost has computed hangs
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(given.processes, spawn) as pool:
            numbers = range(len(windows))
            tried = _all(f"{name}: trying shares", [pool.submit(_try_shares, path, each, worse) for each in numbers])
            gate = _gate(project)
            share = share_for(2 * gate.margin, np.mean([gains for gains, _ in tried], axis=0))
            tries = [len(part) for part in np.array_split(np.arange(given.tries), len(windows))]
            jobs = [
                pool.submit(_play, path, each, tries[each], Lesser(worse, share, tried[each][1])) for each in numbers
            ]
            played = _all(f"{name}: judging", jobs)
    equal, better = (_summary([[pair[kind] for pair in pairs] for pairs in played]) for kind in (0, 1))
    rows = [len(holdout) for _, _, holdout in windows]
    return {
        "project": name,
        "metric": gate.metric,
        "margin": gate.margin,
        "confidence": gate.confidence,
        "as_of_days": [windows[0][0], windows[-1][0], len(windows)],
        "holdout_rows": round(sum(rows) / len(rows)),
        "worse": worse,
        "share": round(share, 4),
        "equal": equal,
        "better": better,
        "kept": equal["promoted"] <= EQUAL_AT_MOST * given.tries
        and better["promoted"] >= BETTER_AT_LEAST * given.tries,
        "seconds": round(time.monotonic() - began),
    }


def share_for(gain: float, gains: Sequence[float] | np.ndarray) -> float:
    """Return of which share of the rows a champion must learn, so that a challenger gains `gain` over it.

    Args:
        gain: What is wanted; one that no share gives has the nearest share.
        gains: At each of `SHARES`; more rows never make a larger gain, chance aside.
    """
    falling = np.minimum.accumulate(np.asarray(gains))
    return float(np.exp(np.interp(gain, falling[::-1], np.log(SHARES)[::-1])))


def _with_margin(project: Project, margin: float | None) -> Project:
    if margin is None:
        return project
    gate = _gate(project)
    others = [each for each in project.gates if each != gate]
    return project.model_copy(update={"gates": (*others, gate.model_copy(update={"margin": margin}))})


def _gate(project: Project) -> BetterThanChampionGate:
    """Return the gate that every night has to pass."""
    primary = project.metrics.primary
    return next(
        gate for gate in gates_in_force(project) if isinstance(gate, BetterThanChampionGate) and gate.metric == primary
    )


@cache
def _windows(path: Path) -> tuple[Project, list[Any]]:
    found: tuple[Project, list[Any]] = pickle.loads(path.read_bytes())
    return found


def _arena(path: Path, number: int, threshold: float | None = None) -> Arena:
    project, windows = _windows(path)
    as_of, train, holdout = windows[number]
    return Arena(project, as_of, train, holdout, threshold)


def _try_shares(path: Path, number: int, worse: Worse) -> tuple[list[float], float]:
    """Return the gain over a champion of each share, in one window, and the window's threshold."""
    arena = _arena(path, number)
    challenger = arena.scores(seed=_seed(number, 0, 0))
    gains = [
        arena.gain(challenger, arena.scores(_seed(number, 0, role), worse, share))
        for role, share in enumerate(SHARES, start=1)
    ]
    return gains, arena.threshold


def _play(path: Path, number: int, tries: int, lesser: Lesser) -> list[tuple[Outcome, Outcome]]:
    """Return how each challenger was judged against an equal champion, and against a worse one."""
    arena, pairs = _arena(path, number, lesser.threshold), []
    for each in range(1, tries + 1):
        challenger, equal = (arena.scores(_seed(number, each, role)) for role in (0, 1))
        worse = arena.scores(_seed(number, each, 2), lesser.worse, lesser.share)
        pairs.append((arena.meet(challenger, equal), arena.meet(challenger, worse)))
    return pairs


def _play_first(path: Path, number: int, tries: int) -> list[Outcome]:
    """Return how each model of one window was judged as the first of all."""
    arena = _arena(path, number)
    return [arena.first(arena.scores(_seed(number, each, 3))) for each in range(1, tries + 1)]


def _seed(window: int, each: int, role: int) -> int:
    """Return a seed that no other model has."""
    return (window * 1000 + each) * 10 + role


def _summary(windows: Sequence[Sequence[Outcome]]) -> dict[str, Any]:
    """Count the verdicts of all windows; the gain's error takes the windows, not the tries, for independent."""
    outcomes = [outcome for window in windows for outcome in window]
    of_windows = np.array([np.mean([outcome.gain for outcome in window]) for window in windows])
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    gains = np.array([outcome.gain for outcome in outcomes])
    exact = binomtest(verdicts["PROMOTE"], len(outcomes)).proportion_ci(0.95)
    return {
        "tries": len(outcomes),
        "promoted": verdicts["PROMOTE"],
        "held": verdicts["HOLD"],
        "rejected": verdicts["REJECT"],
        "share": round(verdicts["PROMOTE"] / len(outcomes), 4),
        "interval": [round(float(exact.low), 4), round(float(exact.high), 4)],
        "gain": round(float(gains.mean()), 5),
        "gain_error": round(float(of_windows.std(ddof=1) / np.sqrt(len(windows))), 5),
        "gain_deviation": round(float(gains.std()), 5),
        "standard_error": round(float(np.mean([outcome.standard_error for outcome in outcomes])), 5),
        "failed": dict(Counter(kind for outcome in outcomes for kind in outcome.failed).most_common()),
    }


def _all(what: str, jobs: Iterable[Any]) -> list[Any]:
    """Return the results of `jobs` in their order, and tell how many are done."""
    waiting = list(jobs)
    for done, _ in enumerate(as_completed(waiting), start=1):
        _tell(f"{what}, as-of day {done} of {len(waiting)}")
    return [job.result() for job in waiting]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _noise_line(found: dict[str, Any]) -> str:
    return (
        f"noise, {found['data']}, {found['metric']}: {found['promoted']} of {found['tries']} promoted; promised: "
        f"at most {100 * NOISE_AT_MOST:.0f} %: {'kept' if found['kept'] else 'BROKEN'}"
    )


def _first_line(found: dict[str, Any]) -> str:
    return (
        f"{found['project']}, first model: {found['promoted']} of {found['tries']} promoted; gain over the baseline "
        f"{found['gain']:.4f} (deviation {found['gain_deviation']:.4f}, its standard error on one holdout "
        f"{found['standard_error']:.4f}); failed: {found['failed'] or 'none'}; promised: at least "
        f"{100 * FIRST_AT_LEAST:.0f} %: {'kept' if found['kept'] else 'BROKEN'}"
    )


def _table(found: dict[str, Any]) -> str:
    def line(what: str, part: dict[str, Any]) -> str:
        low, high = part["interval"]
        return (
            f"  {what:<28} {part['promoted']:>4} of {part['tries']} promoted ({100 * part['share']:.1f} %, 95 %: "
            f"{100 * low:.1f} to {100 * high:.1f}), {part['held']} held, {part['rejected']} rejected; "
            f"gain {part['gain']:.4f} ± {part['gain_error']:.4f} (deviation {part['gain_deviation']:.4f}, its standard "
            f"error on one holdout {part['standard_error']:.4f}); failed: {part['failed'] or 'none'}"
        )

    first, last, count = found["as_of_days"]
    return "\n".join(
        [
            f"{found['project']}: better_than_champion of {found['metric']}, margin {found['margin']:g}, confidence "
            f"{found['confidence']:g}",
            f"  {count} as-of days from {first} to {last}, about {found['holdout_rows']} rows of holdout each; "
            f"{found['seconds']} s",
            line("equal challengers", found["equal"]),
            line(f"better (champion: {100 * found['share']:.0f} % of {found['worse']})", found["better"]),
            f"  promised: at most {100 * EQUAL_AT_MOST:.0f} % and at least {100 * BETTER_AT_LEAST:.0f} %: "
            f"{'kept' if found['kept'] else 'BROKEN'}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

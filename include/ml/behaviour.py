"""Tell in how many changed rows a model behaves as a test demands, and write down a row in which it does not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from include.config.behaviour import Invariance, Test
from include.domain.evidence import BehaviourCheck

# scores are sums of floating-point numbers: the same sum in another order may differ by this
ROUNDING = 1e-12
MAX_CONTEXT = 5
MAX_CHANGES = 5


def changed(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return which values differ; two missing values are the same.

    Args:
        before, after: The same rows and columns.

    Returns:
        True or False, of the shape of the frames.
    """
    return before.ne(after).fillna(True).astype(bool) & ~(before.isna() & after.isna())


def holds(test: Test, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return in which rows the scores moved as `test` demands, shape (n_rows,).

    Args:
        before, after: Scores of the rows as they were and as the test changed them, shape (n_rows,); one that is no
            number holds nowhere.
    """
    if isinstance(test, Invariance):
        return np.asarray(np.abs(after - before) <= test.tolerance + ROUNDING)
    moved = after - before if test.expected == "up" else before - after
    return np.asarray(moved >= test.by - ROUNDING)


def check(
    test: Test,
    rows: tuple[pd.DataFrame, pd.DataFrame],
    scores: tuple[np.ndarray, np.ndarray],
    unnamed: Collection[str] = (),
) -> BehaviourCheck:
    """Return how a model did in one test.

    Args:
        test: What is demanded.
        rows: Those that the test changed, as they were and as they became.
        scores: Theirs, likewise.
        unnamed: Columns that no example names: they would tell who it was.
    """
    kind = "invariance" if isinstance(test, Invariance) else "directional"
    before, after = scores
    if not len(before):
        return BehaviourCheck(
            name=test.name, kind=kind, rows=0, held=0.0, needed=test.share, passed=False, example="no row was changed"
        )
    held = holds(test, before, after)
    share = float(held.mean())
    return BehaviourCheck(
        name=test.name,
        kind=kind,
        rows=len(held),
        held=share,
        needed=test.share,
        passed=share >= test.share,
        example="" if held.all() else _example(_worst(test, held, before, after), rows, scores, unnamed),
    )


def _worst(test: Test, held: np.ndarray, before: np.ndarray, after: np.ndarray) -> int:
    """Return the position of the row whose score moved most where it should not have."""
    moved = after - before
    wrong = np.abs(moved) if isinstance(test, Invariance) else -moved if test.expected == "up" else moved
    return int(np.argmax(np.where(held, -np.inf, np.nan_to_num(wrong, nan=np.inf))))


def _example(
    row: int,
    rows: tuple[pd.DataFrame, pd.DataFrame],
    scores: tuple[np.ndarray, np.ndarray],
    unnamed: Collection[str],
) -> str:
    before, after = (frame.iloc[[row]] for frame in rows)
    differs = changed(before, after).iloc[0]
    shown = [str(name) for name in before.columns if name not in unnamed]
    changes = [
        f"{name} from {_word(before[name].iloc[0])} to {_word(after[name].iloc[0])}" for name in shown if differs[name]
    ][:MAX_CHANGES]
    context = [f"{name} {_word(before[name].iloc[0])}" for name in shown if not differs[name]][:MAX_CONTEXT]
    became = f"score {scores[0][row]:.4g} became {scores[1][row]:.4g}"
    with_changes = f" with {', '.join(changes)}" if changes else " with columns that are not shown"
    return became + with_changes + (f" (where {', '.join(context)})" if context else "")


def _word(value: Any) -> str:
    if pd.isna(value):
        return "(missing)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

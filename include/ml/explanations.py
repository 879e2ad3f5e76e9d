"""Find what a model leans on and where it errs: importance, parts with a high loss, the worst single rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from include.domain.explanation import ErrorAnalysis, ErrorSlice, WorstError
from include.domain.metrics import MetricName, improvement
from include.ml.metrics import THRESHOLD, measure

PARTS = 32
# categories of fewer rows are one, and nobody is told by name
MIN_CATEGORY_ROWS = 10
RARE = "(rare)"
MISSING = "(missing)"
# so many names of categories are written out
NAMED = 6


@dataclass(frozen=True)
class Coding:
    """Hold a coded column and what its codes mean.

    Attributes:
        name: The column.
        codes: Of each row, shape (n_rows,): for numbers 0 where the value is missing, then 1 to `length` - 1.
        ends: Of numbers: code c means above ends[c - 2] and at most ends[c - 1]; the last has no upper end.
        names: Of categories: the name of each code.
        often: The same names, those of most rows first, the rare ones last: as they are written out.
        missing: Whether any value is.
    """

    name: str
    codes: np.ndarray
    ends: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    often: tuple[str, ...] = ()
    missing: bool = False

    @property
    def length(self) -> int:
        """Return how many codes there are."""
        return len(self.names) if self.names else len(self.ends) + 2


def code(column: pd.Series, numeric: bool, learnt: np.ndarray, loss: np.ndarray) -> Coding:
    """Return a column coded, by what some rows of it are like.

    Args:
        column: Numbers, or categories as text; shape (n_rows,).
        numeric: Which of the two.
        learnt: Places of the rows that decide how it is coded, shape (n_learnt,).
        loss: Of those rows, which puts categories in order, shape (n_learnt,).
    """
    return _numbers(column, learnt) if numeric else _categories(column, learnt, loss)


def words(coding: Coding, low: int, high: int) -> str:
    """Return which rows have codes from `low` to `high`, both included."""
    return _of_names(coding, low, high) if coding.names else _of_numbers(coding, low, high)


def _numbers(column: pd.Series, learnt: np.ndarray) -> Coding:
    values = np.asarray(column, dtype="float64")
    missing = np.isnan(values)
    known = values[learnt][~missing[learnt]]
    cuts = np.quantile(known, np.arange(1, PARTS) / PARTS, method="lower") if len(known) else np.zeros(0)
    # as they are written, so that the words are the rule itself
    ends = np.unique([float(f"{cut:.6g}") for cut in cuts])
    codes = np.where(missing, 0, 1 + np.searchsorted(ends, values, side="left"))
    return Coding(str(column.name), codes, ends=tuple(ends.tolist()), missing=bool(missing.any()))


def _categories(column: pd.Series, learnt: np.ndarray, loss: np.ndarray) -> Coding:
    values = column.astype("str").fillna(MISSING).reset_index(drop=True)
    counts = values.iloc[learnt].value_counts()
    often = values.isin(counts[counts >= MIN_CATEGORY_ROWS].index)
    values = values.where(often, RARE)
    mean_loss = pd.Series(loss).groupby(values.iloc[learnt].to_numpy()).mean()
    # the names that only other rows have are rare ones
    names = sorted(set(mean_loss.index) | set(values[~often]), key=lambda name: (mean_loss.get(name, 0.0), name))
    codes = values.map({name: number for number, name in enumerate(names)}).to_numpy(dtype=int)
    by_rows = sorted(names, key=lambda name: (name == RARE, -int(counts.get(name, 0)), name))
    return Coding(str(column.name), codes, names=tuple(names), often=tuple(by_rows))


def _of_numbers(coding: Coding, low: int, high: int) -> str:
    name, ends = coding.name, coding.ends
    if high == 0:
        return f"{name} is missing"
    above = f"{ends[low - 2]:.6g}" if low >= 2 else ""
    at_most = f"{ends[high - 1]:.6g}" if high < coding.length - 1 else ""
    if above and at_most:
        return f"{above} < {name} <= {at_most}"
    if above:
        return f"{name} > {above}"
    if not at_most:
        return f"{name} is known"
    return f"{name} <= {at_most}" + (" (or missing)" if low == 0 and coding.missing else "")


def _of_names(coding: Coding, low: int, high: int) -> str:
    chosen = coding.names[low : high + 1]
    inside = [name for name in coding.often if name in chosen]
    outside = [name for name in coding.often if name not in chosen]
    if len(outside) < len(inside):
        return f"{coding.name} {'is not' if len(outside) == 1 else 'not in'} {_list(outside)}"
    return f"{coding.name} {'is' if len(inside) == 1 else 'in'} {_list(inside)}"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


DEPTH = 3
MIN_ROWS = 50
MIN_SHARE = 0.01
MAX_SLICES = 5
# so many times what a random cut explains a cut must explain: the best of some hundred cuts of noise explains about 12
CUT_WORTH = 15
# by so many standard errors of its mean loss a part must be worse on the other half
PROVED = 2.0
WORST_OF_CLASS = 5
# a category of fewer rows may name somebody
MIN_ROWS_SHOWN = 10
_SMALLEST = np.finfo("float64").eps


@dataclass(frozen=True)
class Answers:
    """Hold what a model said of rows.

    Attributes:
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
    """

    labels: np.ndarray
    scores: np.ndarray

    @property
    def loss(self) -> np.ndarray:
        """Return the log loss of each row, shape (n_rows,), as scikit-learn reckons it."""
        chance = np.where(self.labels == 1, self.scores, 1 - self.scores)
        return -np.log(np.clip(chance, _SMALLEST, 1 - _SMALLEST))

    def at(self, rows: np.ndarray) -> Answers:
        """Return what it said of some rows."""
        return Answers(self.labels[rows], self.scores[rows])


def error_slices(table: pd.DataFrame, numeric: frozenset[str], answers: Answers, seed: int) -> ErrorAnalysis:
    """Return the parts of the holdout where the model errs most, the worst first, without single rows.

    Args:
        table: The features, numbers or text.
        numeric: Which of them are numbers.
        answers: Of the same rows.
        seed: Of the halves and the tree.
    """
    order = np.random.default_rng(seed).permutation(len(table))
    searched, judged = order[: len(order) // 2], order[len(order) // 2 :]
    sizes = {"searched_rows": len(searched), "judged_rows": len(judged)}
    least = max(MIN_ROWS, int(MIN_SHARE * len(searched)))
    if len(searched) < 2 * least:
        return ErrorAnalysis(**sizes)
    loss = answers.loss
    codings = {
        name: code(table[name], name in numeric, searched, loss[searched]) for name in table.columns.astype("str")
    }
    codes = np.column_stack([coding.codes for coding in codings.values()])
    tree = DecisionTreeRegressor(
        max_depth=DEPTH,
        min_samples_leaf=least,
        min_impurity_decrease=CUT_WORTH * float(loss[searched].var()) / len(searched),
        random_state=seed,
    )
    tree.fit(codes[searched], loss[searched])
    found = _proved(tree, codes[judged], list(codings.values()), answers.at(judged))
    return ErrorAnalysis(slices=found, **sizes)


def worst_errors(table: pd.DataFrame, numeric: frozenset[str], answers: Answers) -> tuple[WorstError, ...]:
    """Return the positives that were scored lowest, then the negatives that were scored highest, the worst first.

    Args:
        table: The features that may be shown: no keys, nothing personal.
        numeric: Which of them are numbers.
        answers: Of the same rows.
    """
    rows = []
    for label, sign in ((1, 1), (0, -1)):
        of_class = np.flatnonzero(answers.labels == label)
        rows += of_class[np.argsort(sign * answers.scores[of_class], kind="stable")[:WORST_OF_CLASS]].tolist()
    shown = table.iloc[rows]
    values = {name: _shown(table[name], shown[name], name in numeric) for name in table.columns.astype("str")}
    return tuple(
        WorstError(
            score=float(answers.scores[row]),
            label=int(answers.labels[row]),
            features={name: column[place] for name, column in values.items()},
        )
        for place, row in enumerate(rows)
    )


def _proved(
    tree: DecisionTreeRegressor, codes: np.ndarray, codings: list[Coding], answers: Answers
) -> tuple[ErrorSlice, ...]:
    """Return the leaves that are worse than the whole on rows that the tree has not seen."""
    loss, leaves = answers.loss, tree.apply(codes)
    overall = float(loss.mean())
    found = []
    for leaf, bounds in _leaves(tree, [coding.length for coding in codings]).items():
        inside = leaves == leaf
        rows = int(inside.sum())
        if rows < MIN_ROWS // 2:
            continue
        part, here = loss[inside], answers.at(inside)
        if part.mean() - PROVED * part.std(ddof=1) / np.sqrt(rows) <= overall:
            continue
        found.append(
            ErrorSlice(
                rule=" and ".join(words(codings[index], low, high) for index, (low, high) in bounds.items()),
                rows=rows,
                positive_rate=float(here.labels.mean()),
                mean_score=float(here.scores.mean()),
                loss=float(part.mean()),
                overall=overall,
            )
        )
    return tuple(sorted(found, key=lambda each: -each.loss)[:MAX_SLICES])


def _leaves(tree: DecisionTreeRegressor, lengths: list[int]) -> dict[int, dict[int, tuple[int, int]]]:
    """Return, for each leaf, which codes of which columns lead to it, both ends included."""
    nodes = tree.tree_
    found: dict[int, dict[int, tuple[int, int]]] = {}
    waiting: list[tuple[int, dict[int, tuple[int, int]]]] = [(0, {})]
    while waiting:
        node, bounds = waiting.pop()
        if nodes.children_left[node] == nodes.children_right[node]:
            found[node] = bounds
            continue
        column, cut = int(nodes.feature[node]), int(np.floor(nodes.threshold[node]))
        low, high = bounds.get(column, (0, lengths[column] - 1))
        waiting.append((int(nodes.children_left[node]), {**bounds, column: (low, cut)}))
        waiting.append((int(nodes.children_right[node]), {**bounds, column: (cut + 1, high)}))
    return found


def _shown(column: pd.Series, values: pd.Series, numeric: bool) -> list[float | str | None]:
    """Return values as they may be shown."""
    if numeric:
        return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.astype("float64")]
    rows = column.value_counts()
    return [
        None if pd.isna(value) else str(value) if rows[value] >= MIN_ROWS_SHOWN else RARE for value in values.tolist()
    ]


REPEATS = 3


@dataclass(frozen=True)
class Loss:
    """Hold by how much a metric gets worse without a feature; `spread` is the standard deviation over the shuffles."""

    mean: float
    spread: float


@dataclass(frozen=True)
class Judged:
    """Hold the rows that importance is measured on.

    Attributes:
        table: The rows with every feature.
        labels: 0 or 1, both there, shape (n_rows,).
        metric: What gets worse.
        shuffles: Orders of the rows, one a repeat, shape (n_repeats, n_rows): the same for every feature and every
            model, so that what differs between them is not the draw.
    """

    table: pd.DataFrame
    labels: np.ndarray
    metric: MetricName
    shuffles: np.ndarray


def judged_rows(table: pd.DataFrame, labels: np.ndarray, metric: MetricName, seed: int) -> Judged:
    """Return the rows with their shuffles drawn."""
    random = np.random.default_rng(seed)
    shuffles = np.stack([random.permutation(len(table)) for _ in range(REPEATS)])
    return Judged(table.reset_index(drop=True), labels, metric, shuffles)


def importance(
    judged: Judged,
    names: Sequence[str],
    score: Callable[[pd.DataFrame], np.ndarray],
    threshold: float = THRESHOLD,
) -> dict[str, Loss]:
    """Return by how much the metric gets worse without each feature: positive is worse, whatever its direction.

    Args:
        judged: The rows.
        names: The model's features.
        score: Gives the probability of 1 for each row of a frame; it sees raw features, as in production.
        threshold: From which score on the answer is yes.

    Raises:
        EvaluationError: The rows are of one class only, or scores are no probabilities.
    """
    times = len(judged.shuffles)

    def worth(scores: np.ndarray) -> float:
        return measure([judged.metric], judged.labels, scores, "importance", threshold)[judged.metric]

    whole = worth(score(judged.table))
    # all repeats of a feature are scored in one go: most of the time of a call is not spent on rows
    repeated = judged.table.loc[np.tile(np.arange(len(judged.table)), times)].reset_index(drop=True)
    found = {}
    for name in names:
        shuffled = judged.table[name].take(judged.shuffles.ravel()).reset_index(drop=True)
        scores = score(repeated.assign(**{name: shuffled})).reshape(times, -1)
        losses = [improvement(judged.metric, whole, worth(each)) for each in scores]
        found[name] = Loss(float(np.mean(losses)), float(np.std(losses)))
    return found

"""Say what an estimator is to Nightshift, and find those there are: one module a family in `include/estimators`.

A family's module is light: what a person may declare is checked wherever a declaration is read, so libraries are
imported where a model is built. The rooms below only know this contract; a new module in the folder is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

from include.config.settings import ROOT

PACKAGE = "include.estimators"
ParamValue = float | int | str | bool | None
# the parameters, the seed and the number of threads; returns an unfitted model with scikit-learn's methods
Build = Callable[[Mapping[str, ParamValue], int, int], Any]


@dataclass(frozen=True)
class Param:
    """Say what one parameter may be: a number in a range, or one of a few words.

    Attributes:
        low, high: The range, ends included; None means without end.
        above_low: Whether `low` itself is left out.
        whole: Whether only whole numbers count.
        choices: Allowed values beside numbers; with no range, the only ones.
    """

    low: float | None = None
    high: float | None = None
    above_low: bool = False
    whole: bool = False
    choices: tuple[str | None, ...] = ()

    def accepts(self, value: ParamValue) -> bool:
        """Tell whether `value` is one this parameter may have."""
        if value is None or isinstance(value, str):
            return value in self.choices
        if self._words_alone or isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        if self.low is not None and (value <= self.low if self.above_low else value < self.low):
            return False
        return self.high is None or value <= self.high

    @property
    def words(self) -> str:
        """Return the range in words: "a whole number, at least 1"."""
        if self._words_alone:
            return "one of the allowed values"
        parts = ["a whole number" if self.whole else "a number"]
        if self.low is not None:
            parts.append(f"above {self.low:g}" if self.above_low else f"at least {self.low:g}")
        if self.high is not None:
            parts.append(f"at most {self.high:g}")
        return ", ".join(parts) + (", or one of the allowed values" if self.choices else "")

    @property
    def _words_alone(self) -> bool:
        return bool(self.choices) and self.low is None and self.high is None


POSITIVE = Param(low=0, above_low=True)
NOT_NEGATIVE = Param(low=0)
FRACTION = Param(low=0, high=1)
SHARE = Param(low=0, high=1, above_low=True)
COUNT = Param(low=1, whole=True)


def answer_with_one_thread(model: Any) -> None:
    """Make a fitted model of scikit-learn answer with one thread, so that its bytes tell nothing of the machine."""
    if model.get_params().get("n_jobs") is not None:
        model.set_params(n_jobs=1)


@dataclass(frozen=True)
class Estimator:
    """Declare one kind of model.

    Attributes:
        name: What a project writes in `estimator:`.
        params: The parameters it takes, with their ranges; all others have the library's defaults.
        build: By kind of problem that it serves, what makes an unfitted model. Equal arguments and rows have to give an
            equal fit; with how many threads may make no difference.
        numbers: How columns of numbers come to it: `as_is`, with missing values; or `scaled`, with the median in their
            place, a column that says so, and a standard deviation of 1.
        sparse: Whether rows come to it as a sparse matrix.
        trusted: Types of a fitted model, by their full names, that skops may load beside its own: each is code that
            runs on loading, so a type that calls what a file names is none of them.
        libraries: Packages that make the model, beside scikit-learn: their versions are recorded.
        one_thread: Makes a fitted model answer with one thread.
    """

    name: str
    params: Mapping[str, Param]
    build: Mapping[str, Build]
    numbers: Literal["as_is", "scaled"]
    sparse: bool = False
    trusted: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    one_thread: Callable[[Any], None] = answer_with_one_thread


@cache
def families() -> dict[str, tuple[Estimator, ...]]:
    """Return the estimators of each module of `include/estimators`, by the module's full name.

    Raises:
        ValueError: Two of them have one name.
    """
    folder = str(ROOT.joinpath(*PACKAGE.split(".")))
    modules = sorted(f"{PACKAGE}.{found.name}" for found in iter_modules([folder]))
    found = {module: tuple(import_module(module).ESTIMATORS) for module in modules}
    names = [estimator.name for family in found.values() for estimator in family]
    if len(set(names)) < len(names):
        raise ValueError(f"estimators of one name: {sorted({name for name in names if names.count(name) > 1})}")
    return found


@cache
def estimators() -> dict[str, Estimator]:
    """Return every estimator there is, by its name, in the names' order."""
    found = {estimator.name: estimator for family in families().values() for estimator in family}
    return dict(sorted(found.items()))


def module_of(estimator: str) -> str:
    """Return the full name of the module that declares an estimator."""
    return next(module for module, family in families().items() if estimator in {each.name for each in family})

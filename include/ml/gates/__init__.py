"""Judge gates from numbers: one function a kind, the kinds by family in the modules beside this one."""

from include.ml.gates.judging import judge, judge_all
from include.ml.gates.results import NO_CHAMPION, Evidence

__all__ = ["NO_CHAMPION", "Evidence", "judge", "judge_all"]

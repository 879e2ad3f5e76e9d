"""Say what the container of a training is asked, and what it answers: small receipts, kept in the object store.

No address and no secret is in them: those come to the container by its environment.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from include.config.errors import BUGS, NightshiftError, Problem
from include.config.results import Origin, PlanResult, Receipt, TrainResult

# the container's environment: which of several tries its answer is for
ATTEMPT_VARIABLE = "NIGHTSHIFT_TRAINING_ATTEMPT"
# its exit statuses: a result, a failure that is told in the answer, no answer at all
TRAINED, FAILED, UNANSWERED = 0, 1, 3


class TrainingRequest(Receipt):
    """Ask for one training.

    Attributes:
        image: As declared, for messages.
        code: `model_code` of the worker that asks.
        declared: `trained_from` of that worker's declaration.
    """

    project: str
    candidate: str
    as_of: date
    plan: PlanResult
    origin: Origin
    force: bool
    image: str
    code: str
    declared: dict[str, Any]

    def identity(self, store_url: str) -> str:
        """Return the request's name: the same for each try of a task, another in another store."""
        content = f"{store_url}\n{self.model_dump_json()}"
        return f"{self.candidate}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


class Failure(Receipt):
    """Say how a training failed: what an error is made from again, so that it reads the same on the worker.

    Attributes:
        kind: The error's class.
        retryable: Whether a retry may heal it.
        where, what, got, allowed, hint: Of an error of ours.
        message: Of any other, which has no parts.
    """

    kind: str
    retryable: bool
    where: str = ""
    what: str = ""
    got: str = ""
    allowed: tuple[str, ...] = ()
    hint: str = ""
    message: str = ""


class TrainingAnswer(Receipt):
    """Answer one try of a request: by a result or by a failure."""

    attempt: str
    result: TrainResult | None = None
    failure: Failure | None = None


def failure_of(error: Exception) -> Failure:
    """Return what an error says; a bug would only fail again, what is left may heal."""
    kind = type(error).__name__
    if not isinstance(error, NightshiftError):
        return Failure(kind=kind, retryable=not isinstance(error, BUGS), message=str(error))
    problem: Problem = error.problem
    return Failure(
        kind=kind,
        retryable=error.retryable,
        where=problem.where,
        what=problem.what,
        got=problem.got,
        allowed=problem.allowed,
        hint=problem.hint,
    )

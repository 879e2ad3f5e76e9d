"""Say what a person's answer makes of a proved candidate: the rules, once, and pure.

1. Nobody has to be asked, or the verdict is no PROMOTE: the verdict stands.
2. Approved: PROMOTE, unless the history forbids it by then (see `recording`).
3. Rejected: HOLD, with who and why.
4. Nobody answered in time: HOLD, or PROMOTE where `on_timeout: promote` is declared.
5. The mode is `hold`, declared since the verdict: HOLD, whatever the answer.
6. There is no answer at all, because the task that asks was passed over by hand: HOLD. Silence promotes nothing.
"""

from __future__ import annotations

from include.config.approval import Approval
from include.config.results import ApprovalAnswer, EvaluateResult
from include.stages.recording import Ruling

HELD = "promotion mode is hold"
NOT_ASKED = "promotion mode is approval, and nobody was asked"


def rule(evaluated: EvaluateResult, answer: ApprovalAnswer | None, declared: Approval) -> Ruling | None:
    """Return what mode and answer make of the verdict; None when it stands."""
    if evaluated.mode == "automatic" or evaluated.verdict != "PROMOTE":
        return None
    if evaluated.mode == "hold" or answer is None:
        why = HELD if evaluated.mode == "hold" else NOT_ASKED
        return Ruling("HOLD", f"{why}; it would be promoted: {evaluated.reason}", answer)
    if answer.answer == "timed_out":
        silence = f"nobody answered within {hours(declared.timeout_hours)}"
        if declared.on_timeout == "promote":
            return Ruling("PROMOTE", f"{evaluated.reason}; {silence}, which promotes as declared", answer)
        return Ruling("HOLD", f"{silence}; it would be promoted: {evaluated.reason}", answer)
    who = answer.by or "somebody"
    if answer.answer == "approved":
        return Ruling("PROMOTE", f"{evaluated.reason}; {who} approved{_words(answer)}", answer)
    return Ruling("HOLD", f"{who} rejected{_words(answer) or ', without a reason'}; proved: {evaluated.reason}", answer)


def hours(count: float) -> str:
    """Return a wait in words: "24 hours", "1 hour", "0.5 hours"."""
    return f"{count:g} hour{'' if count == 1 else 's'}"


def _words(answer: ApprovalAnswer) -> str:
    return f": {answer.reason}" if answer.reason else ""

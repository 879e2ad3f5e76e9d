"""Declare how a person is asked before a proved candidate is promoted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.config.closed import Closed

MAX_TIMEOUT_HOURS = 24 * 30


class Approval(Closed):
    """Say how a person is asked, where the mode is `approval`.

    Attributes:
        timeout_hours: How long the run waits for an answer.
        on_timeout: What no answer means: `hold` promotes nothing, `promote` promotes unless it was overtaken.
    """

    timeout_hours: float = Field(default=24.0, ge=0.01, le=MAX_TIMEOUT_HOURS)
    on_timeout: Literal["hold", "promote"] = "hold"

"""Be the base of everything that a declaration holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """Be frozen and refuse unknown keys: a typing mistake must never be silently ignored."""

    # a bound of .nan would let everything pass
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

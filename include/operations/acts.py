"""Former names of manual actions, kept for programs written before."""

from include.operations.manual_action import Change
from include.operations.manual_action import ManualAction as Act

__all__ = ["Act", "Change"]

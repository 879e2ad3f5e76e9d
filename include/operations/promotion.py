"""Former place of `promote_version`, kept for programs written before."""

from include.operations.champion import promote_version

__all__ = ["promote_version"]

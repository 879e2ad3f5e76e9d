"""Check that retention leaves what every night needs: else each night would prepare again what was just removed."""

from __future__ import annotations

from collections.abc import Iterator

from include.config.findings import Finding
from include.config.parts import Keep, Window

_HINT = "every night would prepare again what retention removed"


def raw_outlasts_the_window(keep: Keep, window: Window) -> Iterator[Finding]:
    """Refuse to keep fewer days of raw data than a night's window and the days it looks back to reach back."""
    least = window.days + window.lookback_days + window.label_delay_days
    if keep.raw_days < least:
        what = "a night reads raw data of window.days, window.lookback_days and window.label_delay_days before its day"
        yield Finding(("keep", "raw_days"), what, str(keep.raw_days), allowed=(f"at least {least}",), hint=_HINT)


def features_outlast_the_window(keep: Keep, window: Window) -> Iterator[Finding]:
    """Refuse to keep fewer days of features than a night's window reaches back."""
    least = window.days + window.label_delay_days
    if keep.features_days < least:
        what = "a night reads features of window.days and window.label_delay_days before its day"
        yield Finding(
            ("keep", "features_days"), what, str(keep.features_days), allowed=(f"at least {least}",), hint=_HINT
        )

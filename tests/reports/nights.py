"""Build nights of a walk-forward record to lay out and to render."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from include.domain.decision import Night, WalkedChampion
from include.domain.results import Verdict


def walked(verdicts: Sequence[Verdict], **changes: Any) -> list[Night]:
    """Return a night for each verdict, one day after the other; night n has version n, and `changes`."""
    nights: list[Night] = []
    champion: WalkedChampion | None = None
    for index, verdict in enumerate(verdicts):
        day = date(2013, 4, 1) + timedelta(days=index)
        version = str(index + 1)
        mine = WalkedChampion(version=version, as_of=day, candidate="xgboost", candidate_id=f"xgboost-{version}")
        before, champion = champion, mine if verdict == "PROMOTE" else champion
        value = 0.65 + 0.01 * index
        night = Night(
            as_of=day,
            number=index + 10,
            decision_id=f"{day}-abc{version}",
            report_uri="file:///elsewhere/report.html",
            metric="roc_auc",
            candidate="xgboost",
            candidate_id=mine.candidate_id,
            version=version,
            value=value,
            interval=(value - 0.02, value + 0.03),
            champion=before,
            champion_value=value - 0.005 if before else None,
            champion_interval=None,
            gain=0.005 if before else None,
            verdict=verdict,
            reason=f"reason of {version}",
            in_force=champion,
            decided="HOLD",
            decided_reason="a backfill promotes nothing",
        )
        nights.append(night.model_copy(update=changes))
    return nights

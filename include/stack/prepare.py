"""Prepare the databases of a stack; run as a program: `python -m include.stack.prepare airflow POOLS | tracking URL`.

One process for Airflow instead of two `airflow` commands, because importing it is most of their time; another for
MLflow, beside others, because importing that takes seconds, too.
"""

from __future__ import annotations

import json
import logging
import sys

from include.domain.errors import NightshiftError


def prepare_airflow(pools: list[dict[str, object]]) -> None:
    """Create or upgrade the database, then create or resize `pools` (with the keys of `airflow_settings.yaml`)."""
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    logging.getLogger("alembic").setLevel(logging.WARNING)
    initdb()
    with create_session() as session:
        for pool in pools:
            Pool.create_or_update_pool(
                name=str(pool["pool_name"]),
                slots=int(str(pool["pool_slot"])),
                description=str(pool["pool_description"]),
                include_deferred=False,
                session=session,
            )


def main(which: str, argument: str) -> int:
    """Prepare one of the two; say on stderr why not, and return the exit status."""
    if which == "airflow":
        prepare_airflow(json.loads(argument))
        return 0
    from include.io.tracking import prepare_tracking

    try:
        prepare_tracking(argument)
    except NightshiftError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

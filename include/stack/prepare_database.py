"""Bring Airflow's database to this Airflow's version and set its pools; run as a program in a stack's environment.

One process instead of two `airflow` commands: importing Airflow is most of their time.
"""

from __future__ import annotations

import json
import logging
import sys


def prepare(pools: list[dict[str, object]]) -> None:
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


if __name__ == "__main__":
    prepare(json.loads(sys.argv[1]))

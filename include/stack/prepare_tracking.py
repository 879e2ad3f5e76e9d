"""Make MLflow's database; run as a program beside others, because importing MLflow takes seconds."""

from __future__ import annotations

import sys

from include.domain.errors import NightshiftError
from include.io.tracking import prepare_tracking


def main(tracking_url: str) -> int:
    """Prepare the database at `tracking_url`; say on stderr why not, and return the exit status."""
    try:
        prepare_tracking(tracking_url)
    except NightshiftError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

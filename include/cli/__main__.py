"""Be started by `./nightshift` as `python -m include.cli`."""

from __future__ import annotations

import sys

from include.cli.app import main, stop_in_order

if __name__ == "__main__":
    stop_in_order()
    sys.exit(main())

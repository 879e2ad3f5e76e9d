"""Be started by `./nightshift` as `python -m include.cli`."""

from __future__ import annotations

import sys

from include.cli.app import main

if __name__ == "__main__":
    sys.exit(main())

"""Former name of `include.domain.errors`, kept for programs written before; our own code imports that."""

from include.domain.errors import *  # noqa: F403

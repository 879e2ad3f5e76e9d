"""Former name of `include.domain.results`, kept for programs written before; our own code imports that."""

from include.domain.results import *  # noqa: F403

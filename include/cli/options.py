"""Be the options and words that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

NAME = "./nightshift"
DOCKER = "--docker"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
S3 = Annotated[bool, typer.Option("--s3", help="Keep artifacts in an S3 server (SeaweedFS) that is started for it.")]

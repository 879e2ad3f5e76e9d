"""Be the options and words that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

NAME = "./nightshift"
DOCKER = "--docker"
# the same door inside the stack runs the command, so none of them sees it: it is declared where it may be given
Docker = Annotated[bool, typer.Option(DOCKER, help="On the docker stack that `up --docker` has started.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
S3 = Annotated[bool, typer.Option("--s3", help="Keep artifacts in an S3 server (SeaweedFS) that is started for it.")]

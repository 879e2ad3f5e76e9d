"""Define the commands that back everything up and put it back; what each does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

BACKUP_EXAMPLE = "./nightshift backup /backups/nightshift-2026-11-21.tar"
RESTORE_EXAMPLE = "./nightshift restore /backups/nightshift-2026-11-21.tar"

Docker = Annotated[bool, typer.Option("--docker", help="The docker stack instead of this machine's home.")]


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    docker: Docker = False,
    s3: Annotated[bool, typer.Option("--s3", help="The store that `run --s3` fills.")] = False,
) -> None:
    """Copy store, MLflow and Airflow's database into one file, also while nights are running.

    The file appears whole or not at all, and only its owner can read it. It holds no secrets: credentials.json and .env
    are kept apart. The exit status is 0 when the file is there, 1 when it could not be made, 2 when what was asked is
    not possible.
    """
    from include.cli.make_backup import back_up

    raise typer.Exit(back_up(file, force=force, docker=docker, s3=s3))


def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that `backup` made.")],
    docker: Docker = False,
    s3: Annotated[bool, typer.Option("--s3", help="Into the store that `run --s3` fills.")] = False,
) -> None:
    """Put a backup into an empty home or stack, and have MLflow and the release pointers follow the ledgers.

    The whole file is checked before anything is written. A restore that was interrupted goes on when the same command
    is given again. The exit status is 0 when all agrees with the ledgers afterwards, 1 when something does not or the
    file is damaged, 2 when what was asked is not possible.
    """
    from include.cli.put_back import restore_backup

    raise typer.Exit(restore_backup(file, docker=docker, s3=s3))

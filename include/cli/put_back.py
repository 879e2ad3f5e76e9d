"""Restore a backup into an empty home or docker stack, and set right what follows from the ledgers."""

from __future__ import annotations

import time
from pathlib import Path

from include.cli.backup_fits import check_place
from include.cli.console import output
from include.cli.copy_view import CopyView
from include.cli.make_backup import show_contents
from include.cli.put_back_home import put_back_home
from include.config.errors import SettingsError
from include.config.settings import Settings
from include.operations.backup.archive import ArchiveReader
from include.operations.backup.putting_back import check_whole


def restore_backup(file: str, *, docker: bool, s3: bool) -> int:
    """Check the file, put everything back, reconcile every project, and print what is there now.

    Raises:
        BackupError: The file is damaged; nothing was written.
        SettingsError: The home or stack is not empty, a stack runs in the home, or the backup is of another kind.
    """
    if docker and s3:
        raise SettingsError("option --s3", "the docker stack has a store of its own", hint="leave it out")
    settings, path = Settings.from_environment().in_namespace(""), Path(file).absolute()
    began = time.monotonic()
    with CopyView() as view, ArchiveReader(path) as archive:
        check_place(archive, "docker" if docker else "home")
        view.doing("checking the file")
        check_whole(archive, view.objects("checked"))
        if docker:
            from include.cli.put_back_docker import put_back_docker

            left = put_back_docker(settings, archive, view)
        else:
            left = put_back_home(settings, archive, view, s3=s3)
    show_contents(output(), f"restored {path}", archive.contents, time.monotonic() - began)
    return 1 if left else 0

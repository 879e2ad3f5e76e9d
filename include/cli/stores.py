"""Open the object store that a command means: the configured one, or the own S3 server's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from include.config.settings import Settings
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stack.state import read_state


@contextmanager
def opened_store(settings: Settings, *, s3: bool) -> Iterator[ObjectStore]:
    """Yield the store; with `s3` the one of the S3 server, which is started for the moment unless a stack runs it.

    A running stack's store is meant by default, because that is where its decisions are.
    """
    state = read_state(settings.home)
    if state is not None and state.alive() and (state.store_environment or not s3):
        os.environ.update(state.secret_environment())
        yield open_store(state.store_url)
        return
    if not s3:
        yield open_store(settings.store_url)
        return
    from include.stack.home import with_object_server
    from include.stack.object_server import ObjectServer
    from include.stack.state import exclusive

    with exclusive(settings.home), ObjectServer(settings.home / "s3") as server:
        os.environ.update(server.environment())
        yield open_store(with_object_server(settings).store_url)

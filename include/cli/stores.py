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
    """Yield the store alone; see `opened_place`."""
    with opened_place(settings, s3=s3) as (store, _):
        yield store


@contextmanager
def opened_place(settings: Settings, *, s3: bool) -> Iterator[tuple[ObjectStore, str]]:
    """Yield the store and MLflow's address that belongs to it.

    With `s3` they are those of the S3 server, which is started for the moment unless a stack runs it. A running
    stack's are meant by default, because that is where its decisions are. In a namespace they are its part of both.
    """
    state = read_state(settings.home)
    if state is not None and state.alive() and (state.store_environment or not s3):
        os.environ.update(state.secret_environment())
        there = settings.at(state.store_url, state.tracking_url)
        yield open_store(there.store_url), there.tracking_url
        return
    if not s3:
        yield open_store(settings.store_url), settings.tracking_url
        return
    from include.stack.home import with_object_server
    from include.stack.object_server import ObjectServer
    from include.stack.state import exclusive

    with exclusive(settings.home), ObjectServer(settings.home / "s3") as server:
        os.environ.update(server.environment())
        there = with_object_server(settings)
        yield open_store(there.store_url), there.tracking_url

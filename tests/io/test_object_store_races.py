"""Many writers, one winner: threads and processes against both kinds of store."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from include.domain.errors import PreconditionFailedError
from include.io.object_store import ObjectStore
from include.io.stores import open_store

RACERS = 16
PROCESSES = 4
ROUNDS = 5
INCREMENTS = 6


def wins(store: ObjectStore, key: str, data: bytes, *, if_match: str | None = None) -> bool:
    try:
        store.put(key, data, if_absent=if_match is None, if_match=if_match)
    except PreconditionFailedError:
        return False
    return True


@pytest.mark.parametrize("change", ["create", "compare-and-set"])
def test_of_16_racers_exactly_one_wins(store: ObjectStore, change: str) -> None:
    # one round where each takes seconds: the server's losers wait for a lock
    for attempt in range(1 if store.url.startswith("s3:") else 5):
        key = f"p/{attempt}"
        etag = store.put(key, b"start").etag if change == "compare-and-set" else None
        gate = Barrier(RACERS)

        def race(racer: int, key: str = key, etag: str | None = etag, gate: Barrier = gate) -> bool:
            gate.wait(30)
            return wins(store, key, f"racer {racer}".encode(), if_match=etag)

        with ThreadPoolExecutor(RACERS) as pool:
            won = [racer for racer, win in enumerate(pool.map(race, range(RACERS))) if win]
        assert len(won) == 1
        assert store.get(key) == f"racer {won[0]}".encode()


def test_no_increment_of_a_shared_counter_is_lost(store: ObjectStore) -> None:
    store.put("p/counter", b"0")

    def increment(_: int) -> None:
        while True:
            found = store.read("p/counter")
            if wins(store, "p/counter", str(int(found.data) + 1).encode(), if_match=found.etag):
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(4 * INCREMENTS)))
    assert store.get("p/counter") == str(4 * INCREMENTS).encode()


RACER = textwrap.dedent(
    """
    import sys
    from include.domain.errors import PreconditionFailedError
    from include.io.stores import open_store

    store, me, rounds = open_store(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(rounds):
        try:
            store.put(f"p/{number}", me.encode(), if_absent=True)
            print(number)
        except PreconditionFailedError:
            pass
    """
)


def test_processes_race_as_threads_do(store_url: str) -> None:
    command = [sys.executable, "-c", RACER, store_url]
    racers = [
        subprocess.Popen([*command, str(me), str(ROUNDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for me in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = {me: racer.communicate(timeout=60)[0].split() for me, racer in enumerate(racers)}
    assert [racer.returncode for racer in racers] == [0] * PROCESSES
    assert sorted(number for numbers in won.values() for number in numbers) == [str(n) for n in range(ROUNDS)]
    store = open_store(store_url)
    for me, numbers in won.items():
        assert all(store.get(f"p/{number}") == str(me).encode() for number in numbers)

"""Tell two nights apart by their bytes: what a night has left in the store of a docker stack, and its verdict."""

from __future__ import annotations

from typing import Any

from tests.support.docker_stack import DockerStack
from tests.support.timeless import without_clock

# objects whose bytes depend on data and code alone; of the others, whose text holds moments, only the keys
EXACT = (".parquet", ".skops", "signature.json", "training.json")
READ = """
import hashlib, json, os, sys
from include.config.settings import Settings
from include.io.ledger import read_decision
from include.io.ledger import Ledger
from include.io.stores import open_store
project, namespace = sys.argv[1], sys.argv[2]
store = open_store(Settings.from_environment().in_namespace(namespace).store_url)
objects = {one.key: hashlib.sha256(store.get(one.key)).hexdigest() for one in store.list()}
entries = Ledger(store, project).entries()
decision = next(entry for entry in reversed(entries) if entry.kind == "decision")
print(json.dumps({
    "objects": objects,
    "ledger": [[entry.number, entry.kind, entry.verdict, entry.version] for entry in entries],
    "decision": read_decision(store, project, decision.decision_id).model_dump(mode="json"),
}))
"""


def digest(stack: DockerStack, project: str, namespace: str) -> dict[str, Any]:
    """Return what has to be the same after two nights of the same data, code and name."""
    found = stack.python(READ, project, namespace)
    # MLflow's copies lie under the id of a run, which is another each time
    objects = {key: sha256 for key, sha256 in found["objects"].items() if "/mlflow/" not in key}
    decision = timeless(found["decision"])
    return {
        "verdict": decision["verdict"],
        "decision": decision,
        "ledger": found["ledger"],
        "objects": {key: sha256 if key.endswith(EXACT) else "" for key, sha256 in objects.items()},
    }


def timeless(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a decision without the moments, measured times and ids of runs."""
    kept = without_clock(decision)
    return {key: _without_ids(value) for key, value in kept.items() if key not in ("origin", "made_at", "decided_at")}


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("tracking_run_id", "made_at", "run_id")
        return {key: _without_ids(inner) for key, inner in value.items() if key not in left_out}
    return [_without_ids(inner) for inner in value] if isinstance(value, list) else value

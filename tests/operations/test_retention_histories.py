"""Over many random histories: what the ledger needs never goes, the rest does, and no artifact is left half."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from include.config.sections import Keep
from include.domain.decision import DayRows, Decision, EntryKind, LedgerEntry, ModelSummary
from include.domain.results import Origin, Span
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, put_file, to_json, write_manifest
from include.io.models import TRAINING, TrainingRecord
from include.io.tracking_removal import KnownRun, KnownVersion
from include.operations.retention.inventory import Guard, take_inventory
from include.operations.retention.plan import tracked_here
from include.operations.retention.run import make_plan
from tests.support.model_nights import make_project
from tests.support.sizes import size

NAME = "parcels"
FIRST = date(2013, 1, 10)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ORIGIN = Origin(run_id="r")
SEEDS = range(size(5, 16))


@dataclass
class Model:
    """Hold one synthetic model: its rows, and every key and name that belongs to it."""

    candidate: str
    version: str
    run_id: str
    rows: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    loser: Model | None = None


class History:
    """Make a random history in a store, and say by simple lists what must stay."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.store = LocalStore(f"file://{folder}")
        self.ledger = Ledger(self.store, NAME)
        self.keep = Keep(raw_days=8, features_days=self.random.randint(8, 40), versions=self.random.randint(2, 4))
        self.models: list[Model] = []
        self.stack: list[Model] = []
        self.judged: list[Model] = []
        self.pinned: Model | None = None
        self.day = FIRST
        for _ in range(self.random.randint(3, 16)):
            self._night()
        self._age(folder)

    def needed(self) -> list[Model]:
        """Return the models that the ledger needs: straight from the rules, by other code than what is tested."""
        newest = list(dict.fromkeys(model.candidate for model in reversed(self.judged)))[: self.keep.versions]
        found = self.stack[-self.keep.versions :] + [model for model in self.models if model.candidate in newest]
        found += [self.pinned] if self.pinned else []
        return found + [model.loser for model in found if model.loser]

    def everyone(self) -> list[Model]:
        """Return all models, those that lost in cross-validation too."""
        return self.models + [model.loser for model in self.models if model.loser]

    def _night(self) -> None:
        self.day += timedelta(days=self.random.choice([1, 1, 3, 9]))
        days = [self.day - timedelta(days=back) for back in range(8)]
        rows = [self._rows(day) for day in days]
        model = self._model(rows[2:], registered=True)
        if self.random.random() < 0.3:
            model.loser = self._model(rows[2:], registered=False)
        model.rows |= {each.key for each in rows[:2]}
        self._judge(model, rows)
        if self.random.random() < 0.5:
            self._release(model)
            self._append("promotion", model)
            self.stack.append(model)
        if len(self.stack) > 1 and self.random.random() < 0.3:
            target = self.random.choice(self.stack[:-1])
            self._append("rollback", target)
            del self.stack[self.stack.index(target) + 1 :]
        if self.stack and self.random.random() < 0.2:
            self._append("pin", self.stack[-1])
            self.pinned = self.stack[-1]
        elif self.pinned and self.random.random() < 0.1:
            self._append("unpin", self.pinned)
            self.pinned = None

    def _rows(self, day: date) -> DayRows:
        """Return the rows of a day, sometimes prepared anew by other code."""
        key = keys.features_manifest(NAME, day)
        if not self.store.exists(key) or self.random.random() < 0.2:
            name = f"{self.random.getrandbits(64):016x}"
            ref = put_file(self.store, keys.features_rows(NAME, day, name), name.encode(), rows=1)
            write_manifest(self.store, key, self._manifest("features", {"rows": ref}, day=day))
        manifest = Manifest.model_validate_json(self.store.get(key))
        ref = manifest.files["rows"]
        return DayRows(day=day, key=ref.key, sha256=ref.sha256, rows=1)

    def _model(self, rows: list[DayRows], *, registered: bool) -> Model:
        number = len(self.models) + 1
        candidate = f"{self.random.choice('abc')}-{self.random.getrandbits(32):08x}"
        model = Model(candidate, str(number) if registered else "", f"{self.random.getrandbits(128):032x}")
        model.rows = {each.key for each in rows}
        record = TrainingRecord(
            candidate="a", candidate_id=candidate, estimator="x", params={}, metric="m", cv_mean=0, cv_std=0,
            fold_scores=(), trials=(), train=Span(first=rows[-1].day, last=rows[0].day), rows=1, positive_rate=0.5,
            data_fingerprint="d", code_fingerprint="c", seed=1, threads=1, versions={}, data=tuple(rows),
        )  # fmt: skip
        files = {
            name: put_file(self.store, keys.model_file(NAME, candidate, name), data)
            for name, data in {TRAINING: to_json(record), "model.skops": candidate.encode()}.items()
        }
        write_manifest(self.store, keys.model_manifest(NAME, candidate), self._manifest("model", files))
        artifact = f"{NAME}/mlflow/{model.run_id}/artifacts/model/MLmodel"
        self.store.put(artifact, b"model")
        model.keys = {artifact, keys.model_manifest(NAME, candidate), *(ref.key for ref in files.values())}
        if registered:
            self.models.append(model)
        return model

    def _judge(self, model: Model, rows: list[DayRows]) -> None:
        summary = {"candidate": "a", "estimator": "x", "as_of": self.day}
        span = Span(first=rows[1].day, last=rows[0].day)
        decision = Decision(
            decision_id=f"d-{model.candidate}", project=NAME, as_of=self.day, verdict="HOLD", reason="", train=span,
            made_at=LONG_AGO, holdout=span, holdout_rows=1, train_rows=1, positive_rate=0.5, primary_metric="m",
            challenger=ModelSummary(candidate_id=model.candidate, tracking_run_id=model.run_id, **summary),
            others=(ModelSummary(candidate_id=model.loser.candidate, **summary),) if model.loser else (),
            champion=None, baseline={}, gates=(), data_fingerprint="d", code_fingerprint="c", origin=ORIGIN,
            holdout_data=tuple(rows[:2]),
        )  # fmt: skip
        self.store.put(keys.decision(NAME, decision.decision_id), to_json(decision))
        self._append("decision", model)
        self.judged.append(model)

    def _release(self, model: Model) -> None:
        ref = put_file(self.store, keys.release_file(NAME, model.version, "model.skops"), b"model")
        manifest = self._manifest("release", {"model.skops": ref}, fingerprint=model.candidate)
        key = keys.release_file(NAME, model.version, "manifest.json")
        write_manifest(self.store, key, manifest)
        model.keys |= {ref.key, key}

    def _append(self, kind: EntryKind, model: Model) -> None:
        assert kind in get_args(EntryKind)
        self.ledger.append(
            lambda number, _: LedgerEntry(
                number=number,
                kind=kind,
                project=NAME,
                as_of=self.day,
                made_at=LONG_AGO,
                reason="",
                decision_id=f"d-{model.candidate}",
                decision_uri="",
                candidate="a",
                candidate_id=model.candidate,
                version=model.version,
                tracking_run_id=model.run_id,
                origin=ORIGIN,
            )
        )

    def _manifest(self, kind: Any, files: Any, fingerprint: str = "f", day: date | None = None) -> Manifest:
        return Manifest(
            kind=kind, project=NAME, day=day, fingerprint=fingerprint, files=files, origin=ORIGIN, made_at=LONG_AGO
        )

    def _age(self, folder: Path) -> None:
        """Make everything old but a few files."""
        self.fresh: set[str] = set()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if ".nightshift-" in str(path):
                continue
            moment = LONG_AGO.timestamp()
            if self.random.random() < 0.01:
                moment = time.time()
                self.fresh.add(str(path.relative_to(folder)))
            os.utime(path, (moment, moment))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_ledger_needs_stays_and_the_rest_goes(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path / "store", seed)
    store = history.store
    root = store.uri(keys.tracking_artifacts(NAME))
    everyone = history.everyone()
    runs = [
        KnownRun(one.run_id, one.candidate, "FINISHED", LONG_AGO, f"{root}/{one.run_id}/artifacts") for one in everyone
    ]
    versions = [KnownVersion(one.version, one.candidate, one.run_id, LONG_AGO) for one in history.models]
    project = make_project(tmp_path, keep=history.keep.model_dump())
    guard = Guard(store, NAME, history.keep)
    plan = make_plan(project, store, take_inventory(store, NAME), guard, tracked_here(runs, versions, root))

    objects = [one.key for removal in plan.removals for one in removal.objects]
    goes = set(objects)
    assert len(objects) == len(goes)
    needed = history.needed()
    assert needed
    for model in needed:
        assert not goes & (model.keys | model.rows), model
    named = [{*removal.runs, *removal.versions} for removal in plan.removals]
    assert not {name for model in needed for name in (model.run_id, model.version)} & set().union(*named)
    assert not {key for key in goes if key.startswith((f"{NAME}/ledger/", f"{NAME}/decisions/"))}
    assert not goes & history.fresh

    kept = {model.candidate for model in needed}
    for model in everyone:
        if model.candidate not in kept and not model.keys & history.fresh:
            assert model.keys <= goes, model
    _no_half_artifact(store, goes)
    newest = max(date.fromisoformat(one.key.split("date=")[1][:10]) for one in store.list(f"{NAME}/features/"))
    rows = {key for model in needed for key in model.rows}
    for one in store.list(f"{NAME}/features/"):
        day = one.key.rpartition("/")[0]
        old = date.fromisoformat(day.split("date=")[1]) < newest - timedelta(days=history.keep.features_days)
        fresh = any(key.startswith(f"{day}/") for key in history.fresh)
        if old and not fresh and one.key.endswith(".parquet") and one.key not in rows:
            assert one.key in goes


def _no_half_artifact(store: LocalStore, goes: set[str]) -> None:
    for one in store.list():
        if one.key.endswith("manifest.json") and one.key not in goes:
            manifest = Manifest.model_validate_json(store.get(one.key))
            assert not goes & {ref.key for ref in manifest.files.values()}, one.key

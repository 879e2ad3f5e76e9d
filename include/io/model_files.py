"""Save and load models without pickle, for us and for MLflow's tools: equal models have equal bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Literal

import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from include.config.estimators import estimators
from include.domain.errors import ModelUntrustedError

_SCHEMA = "schema.json"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


@cache
def trusted_types() -> tuple[str, ...]:
    """Return the types that a stored model may be made of, beside those of scikit-learn and numpy that skops knows."""
    declared = {name for estimator in estimators().values() for name in estimator.trusted}
    return tuple(sorted({"numpy.dtype", *declared}))


def dump_model(pipeline: Pipeline) -> bytes:
    """Return a fitted pipeline as skops bytes that `load_model` accepts.

    Raises:
        ModelUntrustedError: The pipeline holds types outside the allow-list.
    """
    data = _canonical(skops.io.dumps(pipeline))
    _refuse_untrusted(data, "the model to be saved")
    return data


def load_model(data: bytes, where: str) -> Pipeline:
    """Return the pipeline in skops bytes.

    Args:
        where: The model's address, for the error.

    Raises:
        ModelUntrustedError: The bytes are no skops file, hold types outside the allow-list, or hold no pipeline.
    """
    _refuse_untrusted(data, where)
    try:
        loaded = skops.io.loads(data, trusted=list(trusted_types()))
    except UntrustedTypesFoundException as error:
        raise _untrusted(where, str(error)) from error
    if not isinstance(loaded, Pipeline):
        raise ModelUntrustedError(where, "a pipeline is needed", got=type(loaded).__name__, allowed=("Pipeline",))
    return loaded


def _refuse_untrusted(data: bytes, where: str) -> None:
    try:
        found = set(skops.io.get_untrusted_types(data=data))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise ModelUntrustedError(
            where, "not a model file of ours", got=f"{type(error).__name__}: {error}", allowed=("skops",)
        ) from error
    extra = sorted(found - set(trusted_types()))
    if extra:
        raise _untrusted(where, ", ".join(extra))


def _untrusted(where: str, got: str) -> ModelUntrustedError:
    return ModelUntrustedError(
        where,
        "the model holds types outside the allow-list; nothing of it was loaded",
        got=got,
        allowed=trusted_types(),
        hint="someone has changed the file, or an estimator needs a type that is not allowed yet",
    )


def _canonical(data: bytes) -> bytes:
    """Return the same skops file without what differs between equal models: memory addresses, random names, times."""
    ids: dict[int, int] = {}
    names: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        schema = json.loads(source.read(_SCHEMA))
        _renumber(schema, ids, names)
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
            for old, new in names.items():
                target.writestr(_entry(new), source.read(old))
            target.writestr(_entry(_SCHEMA), json.dumps(schema, indent=1))
    return result.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_FIXED_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _renumber(node: Any, ids: dict[int, int], names: dict[str, str]) -> None:
    if isinstance(node, list):
        for child in node:
            _renumber(child, ids, names)
        return
    if not isinstance(node, dict):
        return
    # only a node of the format has a loader: a model's own dict may have keys of any name
    if "__loader__" in node:
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if isinstance(node.get("file"), str):
            ending = node["file"].rpartition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{ending}")
    for child in node.values():
        _renumber(child, ids, names)


MODEL_FILE = "model.skops"
# of every model; an estimator names its own beside them
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")


def libraries(estimator: str) -> tuple[str, ...]:
    """Return the packages that a model of this estimator is made with, and answers with."""
    return (*_LIBRARIES, *estimators()[estimator].libraries)


@dataclass(frozen=True)
class ModelToLog:
    """Hold a model with its bytes as they are stored, its estimator's name, and its input columns by kind."""

    estimator: str
    pipeline: Pipeline
    data: bytes
    inputs: Sequence[tuple[str, Literal["numeric", "categorical"]]]


def write_model(folder: Path, model: ModelToLog) -> None:
    """Write an MLflow model folder whose model file is, byte for byte, the one in the object store."""
    import mlflow.sklearn
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    kinds: dict[str, Any] = {"numeric": "double", "categorical": "string"}
    inputs = Schema([ColSpec(kinds[kind], name, required=False) for name, kind in model.inputs])
    mlflow.sklearn.save_model(
        model.pipeline,
        str(folder),
        serialization_format="skops",
        skops_trusted_types=list(trusted_types()),
        signature=ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double")])),
        # asked of MLflow itself: it may be installed as mlflow-skinny
        pip_requirements=[
            f"mlflow=={mlflow.__version__}",
            *(f"{name}=={installed(name)}" for name in libraries(model.estimator)),
        ],
        pyfunc_predict_fn="predict_proba",
    )
    (folder / MODEL_FILE).write_bytes(model.data)

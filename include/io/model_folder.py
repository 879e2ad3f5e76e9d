"""Write a model as the folder that MLflow's tools load; its model file is the one of the object store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from include.io.model_files import TRUSTED

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MODEL_FILE = "model.skops"
REQUIREMENTS = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost")


@dataclass(frozen=True)
class ModelToLog:
    """Hold a model with its bytes as they are stored, and its input columns by kind."""

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
        skops_trusted_types=list(TRUSTED),
        signature=ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double")])),
        # asked of MLflow itself: it may be installed as mlflow-skinny
        pip_requirements=[f"mlflow=={mlflow.__version__}", *(f"{name}=={installed(name)}" for name in REQUIREMENTS)],
        pyfunc_predict_fn="predict_proba",
    )
    (folder / MODEL_FILE).write_bytes(model.data)

"""Import what stages need, in the process that others are forked from; nothing is computed here.

A fork after native threads have worked can hang.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import warnings

from include.domain.names import RETRAIN_STAGES
from include.io.tracking_database import quiet_mlflow

PROCESS = os.getpid()
# what these load late, at the first call, is named too
LIBRARIES = (
    "alembic.command",
    "boto3",
    "croniter",
    "great_expectations",
    "jinja2.ext",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.workspace_aware_mixin",
    "narwhals.stable.v2",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "skops.io",
    "xgboost",
)

logging.getLogger("great_expectations").setLevel(logging.WARNING)
quiet_mlflow()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for _name in (*LIBRARIES, *(f"include.stages.{stage}" for stage in RETRAIN_STAGES)):
        importlib.import_module(_name)
# a lock of the system, which each child would make for itself and leave behind when it is killed
importlib.import_module("tqdm").tqdm.get_lock()
# the children share these pages until they write to them, and a collection would
gc.freeze()

"""Import the heavy libraries once in the local scheduler or a Celery worker, whose forked processes then share them.

This file is copied to `$AIRFLOW_HOME/config/airflow_local_settings.py`, which every Airflow process imports; it acts
only in a scheduler or Celery worker that was started with NIGHTSHIFT_PRELOAD=1. LocalExecutor forks its workers from
the scheduler, Celery its own from its first process, and each task is a fork of a worker, so a task finds the modules
there: 0.15 s instead of 3.5 s for its imports (measured).
Libraries only: a copy of our own code would be of the version at the scheduler's start, whatever was changed since.
Nothing is computed here: a fork after native threads have worked can hang.
"""

import os as _os
import sys as _sys

__all__: list[str] = []


def _preload() -> None:
    import importlib
    import logging
    import warnings

    # each registered expectation is logged at INFO otherwise
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    for name in (
        "pandas",
        "pyarrow.parquet",
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.metrics",
        "sklearn.model_selection",
        "sklearn.pipeline",
        "sklearn.preprocessing",
        "xgboost",
        "skops.io",
        "mlflow.sklearn",
        "mlflow.tracking",
        "great_expectations",
    ):
        # skops looks for each ufunc in every loaded module, and Airflow's modules warn a thousand times when asked
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                importlib.import_module(name)
            except ImportError:
                # a task that needs it says so better
                logging.getLogger(__name__).warning("not preloaded: %s", name)


if _os.environ.get("NIGHTSHIFT_PRELOAD") == "1" and len(_sys.argv) > 1 and _sys.argv[1] in ("scheduler", "celery"):
    _preload()

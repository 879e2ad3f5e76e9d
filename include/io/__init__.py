"""The outside world, one file a system: object store, sources, MLflow, Great Expectations, ledger."""

"""Answer with a release: no Airflow, MLflow or Great Expectations."""

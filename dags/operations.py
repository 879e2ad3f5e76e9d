"""Show Airflow the Dags that a person triggers from the UI; how they are built is in include/orchestration."""

from include.orchestration.operations import operation_dags, retention_dags

globals().update({dag.dag_id: dag for dag in (*operation_dags(), *retention_dags())})

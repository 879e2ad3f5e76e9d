"""Show Airflow one <project>__retrain Dag for each valid project; how it is built is in include/orchestration."""

from include.orchestration.retrain import retrain_dags

globals().update({dag.dag_id: dag for dag in retrain_dags()})

"""Show Airflow one <project>__score Dag for each project that declares scoring; how it is built is in orchestration."""

from include.orchestration.score import score_dags

globals().update({dag.dag_id: dag for dag in score_dags()})

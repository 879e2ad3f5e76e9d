"""Run Airflow, MLflow and an S3 server as processes of this machine, and stop them again."""

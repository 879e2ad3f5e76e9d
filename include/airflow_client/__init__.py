"""Speak with a running Airflow: its REST API, runs, backfills, locks. Nothing here starts a process."""

"""Airflow and nothing else knows it: Dags, thin tasks, assets, callbacks. Light at module level."""

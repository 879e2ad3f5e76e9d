"""List every broken project as one import error of this file, so that Airflow still runs the Dags of the good ones."""

from include.orchestration.broken_projects import raise_for_broken_projects

raise_for_broken_projects()

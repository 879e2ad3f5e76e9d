"""Import Airflow first: it puts the plugins' folder on the path, as in its own processes."""

import airflow.configuration
import airflow.settings

airflow.settings.prepare_syspath_for_config_and_plugins()

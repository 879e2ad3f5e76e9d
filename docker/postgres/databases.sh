#!/bin/sh
# Make the databases and their users where they are missing, and give every user the password that .env says now. A user
# owns one database and may enter no other. Runs before each start, by the server's own socket: no password is needed.
set -eu

ask() {
    psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --host /var/run/postgresql --username postgres "$@"
}

# a password is read from the environment by psql itself: on its command line every process could see it
role() { # NAME VARIABLE
    ask -v name="$1" <<SQL
\\getenv password $2
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
ALTER ROLE :"name" PASSWORD :'password';
SQL
}

database() { # NAME, of the role of this name
    ask -v name="$1" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

role postgres POSTGRES_PASSWORD
role airflow AIRFLOW_DATABASE_PASSWORD
role mlflow MLFLOW_DATABASE_PASSWORD
role warehouse WAREHOUSE_OWNER_PASSWORD
role warehouse_reader WAREHOUSE_PASSWORD
database airflow
database mlflow
database warehouse

# the pipeline reads the warehouse, and can do nothing else there
ask --dbname warehouse <<'SQL'
ALTER ROLE warehouse_reader SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE warehouse TO warehouse_reader;
ALTER SCHEMA public OWNER TO warehouse;
GRANT USAGE ON SCHEMA public TO warehouse_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO warehouse_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE warehouse IN SCHEMA public GRANT SELECT ON TABLES TO warehouse_reader;
SQL

# One image for every Airflow service, the MLflow server and the one-shot preparations; what runs is the command.
# Also the image that `astro dev start` needs is described in docs/astro.md.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12

FROM ${AIRFLOW_IMAGE} AS packages
USER root
RUN install -d -o airflow -g 0 -m 0775 /opt/nightshift
USER airflow
WORKDIR /opt/nightshift
# an environment of its own: what the base image brings in other versions is never mixed with the lock
ENV UV_CACHE_DIR=/tmp/uv-cache UV_LINK_MODE=copy VIRTUAL_ENV=/opt/nightshift/.venv
COPY requirements-compose.lock ./
RUN --mount=type=cache,target=/tmp/uv-cache,uid=50000,gid=0,mode=0775 \
    uv venv --python 3.12 .venv \
 && uv pip sync --require-hashes --compile-bytecode requirements-compose.lock

FROM ${AIRFLOW_IMAGE}
ARG NIGHTSHIFT_GIT_COMMIT=unknown
ARG NIGHTSHIFT_VERSION=development
LABEL org.opencontainers.image.title="Nightshift" \
      org.opencontainers.image.description="Retrains models every night, and promotes only with proof" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${NIGHTSHIFT_VERSION}" \
      org.opencontainers.image.revision="${NIGHTSHIFT_GIT_COMMIT}"

USER root
RUN install -d -o airflow -g 0 -m 0775 /opt/nightshift /opt/nightshift/home /opt/nightshift/airflow \
    /opt/nightshift/airflow/config
USER airflow
WORKDIR /opt/nightshift

COPY --from=packages --chown=airflow:0 /opt/nightshift/.venv .venv
# the door compares these two, and finds everything installed
COPY --chown=airflow:0 requirements.lock .venv/installed.lock
COPY --chown=airflow:0 requirements.lock ./
COPY --chown=airflow:0 nightshift airflow_settings.yaml ./
COPY --chown=airflow:0 dags dags
COPY --chown=airflow:0 plugins plugins
COPY --chown=airflow:0 docker/mlflow docker/mlflow
COPY --chown=airflow:0 include include
RUN cp include/stack/preload.py airflow/config/airflow_local_settings.py \
 && python -m compileall -q include dags plugins

ENV PATH=/opt/nightshift/.venv/bin:${PATH} \
    VIRTUAL_ENV=/opt/nightshift/.venv \
    PYTHONPATH=/opt/nightshift \
    AIRFLOW_HOME=/opt/nightshift/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/nightshift/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/nightshift/plugins \
    NIGHTSHIFT_HOME=/opt/nightshift/home \
    NIGHTSHIFT_GIT_COMMIT=${NIGHTSHIFT_GIT_COMMIT}

# the code can be imported; each service of docker-compose.yaml has a check of what it does
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import include.config.settings"]

# One image for every role; what it is told to do are Forebay's own arguments: `worker`, `serve`, `discoverer daily`.
# Another base needs Python 3.11 or newer with venv: --build-arg BASE=registry.example/debian-python:bookworm
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/forebay
WORKDIR /build
COPY requirements/pipeline.txt ./
RUN /opt/forebay/bin/pip install --require-hashes -r pipeline.txt \
    && find /opt/forebay -type d -path '*/site-packages/*' -name tests -prune -exec rm -r {} +
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
ARG REVISION=
RUN FOREBAY_REVISION=$REVISION /opt/forebay/bin/pip install --no-deps --no-build-isolation . \
    && /opt/forebay/bin/pip uninstall --yes hatchling editables setuptools pip

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="forebay" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.description="A complete, verified, query-ready copy of your market data"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /app forebay \
    && mkdir -p /app/data /app/universe \
    && chown -R forebay:forebay /app
COPY --from=build /opt/forebay /opt/forebay
ENV PATH=/opt/forebay/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
VOLUME /app/data
EXPOSE 8000
# For what stays: worker, ingest --daemon, consume. One that serves HTTP has /health and /ready.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["forebay", "health"]
ENTRYPOINT ["forebay"]
CMD ["--help"]

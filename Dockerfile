# pixazo-sim in a container: docs/how-to/containers.md says how to build, run and configure it.
# For the same bytes every time pin the base by its digest: --build-arg BASE=python:3.13-slim-trixie@sha256:...
# (docker buildx imagetools inspect python:3.13-slim-trixie prints it).
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY simulator simulator
COPY contracts contracts
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
# With bytecode, which a read-only file system could not take later.
RUN python -m venv --without-pip /opt/pixazo \
    && pip --python /opt/pixazo/bin/python install --no-cache-dir --compile "$(echo /wheels/*.whl)[redis]"

FROM ${BASE}
LABEL org.opencontainers.image.title="pixazo-testkit" \
    org.opencontainers.image.description="An offline simulator of Pixazo's MiniMax Hailuo video gateway. Unofficial." \
    org.opencontainers.image.source="https://github.com/pixazo-testkit/pixazo-testkit" \
    org.opencontainers.image.documentation="https://pixazo-testkit.github.io/pixazo-testkit/" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/pixazo /opt/pixazo
COPY --chmod=755 tools/entrypoint.sh /opt/pixazo/bin/entrypoint
# The one folder that it may write to, for --state sqlite:/data/worlds.db: give it a volume.
RUN install -d -o 65532 -g 65532 /data
ENV PATH=/opt/pixazo/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PIXAZO_SIM_HOST=0.0.0.0 \
    PIXAZO_SIM_LISTEN_HOST=0.0.0.0
USER 65532:65532
WORKDIR /data
EXPOSE 8900
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD pixazo-sim ready --url "http://127.0.0.1:${PIXAZO_SIM_PORT:-${PORT:-8900}}"
ENTRYPOINT ["entrypoint"]

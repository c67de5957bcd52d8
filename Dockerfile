# Two stages: the first builds the binary, the second holds it and nothing else.
#
#   docker build -t tollgate .
#   docker run --rm -p 8443:8443 -v "$PWD/config:/etc/tollgate:ro" tollgate
#
# The process is user and group 65532: private keys must be readable by it and by nobody else (`chown 65532`, `chmod 600`).

FROM rust:1.95-slim-bookworm AS build
# aws-lc-rs compiles C; nothing else is needed.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
# Cargo wants a file for every target of Cargo.toml, also for those that are not built here.
COPY benches benches
RUN mkdir -p tests/it && touch tests/it/main.rs
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tollgate && cp target/release/tollgate /tollgate

FROM debian:bookworm-slim
# Root certificates for key addresses; curl for the health check.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --no-create-home --shell /usr/sbin/nologin tollgate \
    # Where a [store] and its encryption key belong; mount a volume here to keep them.
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/tollgate
COPY --from=build /tollgate /usr/local/bin/tollgate
USER 65532:65532
# The admin listener (9464) is on loopback unless the configuration says otherwise.
EXPOSE 8443
STOPSIGNAL SIGTERM
# Liveness only: a gateway whose issuer is away must not be restarted for it. For another [admin] port, change this.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:9464/livez"]
ENTRYPOINT ["/usr/local/bin/tollgate"]
CMD ["run", "--config", "/etc/tollgate/tollgate.toml"]

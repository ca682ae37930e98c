# foreman in a container: Node 24, the packages of package-lock.json, core and plugins; no test, no demo, no shell of its own.
#
#   docker build -t foreman:local .
#   docker run -p 127.0.0.1:8080:8080 -v foreman-data:/data -e FOREMAN_TARGET_URL=http://gpu-box:11434 foreman:local
#
# Runs as user 1000 on a read-only root: it writes to /data, and to /backup where asked to. docs/containers.md has the rest.
# To have the same image again later, name the base by its digest in both places.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without install scripts: better-sqlite3 brings its binary, and would be compiled anew.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY deploy/image deploy/image
RUN node deploy/image/prune.ts node_modules
COPY core core
COPY plugins plugins
RUN chmod 755 core/main.ts && install -d -o node compile-cache
# As the user of the image, since Node keeps a cache for each.
USER node
RUN NODE_COMPILE_CACHE=/app/compile-cache node deploy/image/warm-up.ts core/main.ts \
  && chmod -R a+rX compile-cache

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/compile-cache \
    FOREMAN_HOST=0.0.0.0 \
    FOREMAN_PORT=8080 \
    FOREMAN_DATA_DIR=/data
WORKDIR /app
# A new volume takes its owner and mode from here.
RUN install -d -o node -g node -m 0700 /data /backup && ln -s /app/core/main.ts /usr/local/bin/foreman
COPY LICENSE deploy/image/healthcheck.mjs ./
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/core core
COPY --from=build /app/plugins plugins
COPY --from=build /app/compile-cache compile-cache
USER node
VOLUME ["/data"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["node", "/app/healthcheck.mjs"]
ENTRYPOINT ["foreman"]
CMD ["serve"]

# Last: another commit or version leaves all above as it was made.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
# Shown by the metrics.
ENV FOREMAN_COMMIT="${REVISION}"
LABEL org.opencontainers.image.title="foreman" \
      org.opencontainers.image.description="A private, queued, observable job endpoint in front of one Ollama server" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

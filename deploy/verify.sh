#!/usr/bin/env bash
# Builds the image and runs the whole stack of compose.yaml, in a Docker daemon of its own that is gone afterwards.
#
#   deploy/verify.sh                   about four minutes
#   deploy/verify.sh --base FILE       the base image from a tar that deploy/verify/make-base.sh made
#   deploy/verify.sh --litestream FILE a Litestream to stand in for its image
#   deploy/verify.sh --prove           makes faults on purpose: each must be found
#
# Images of others are stood in for: docs/containers.md tells by what. Runs as root, on a machine without another Docker
# daemon, after `npm ci`.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
  echo "verify.sh: a container engine needs root" >&2
  exit 1
fi
missing=()
for program in dockerd docker iptables-save git; do
  command -v "$program" > /dev/null || missing+=("$program")
done
docker compose version > /dev/null 2>&1 || command -v docker-compose > /dev/null || missing+=(docker-compose)
[ -x node_modules/.bin/node ] || missing+=("node_modules (npm ci)")
if [ ${#missing[@]} -gt 0 ]; then
  echo "verify.sh: not here: ${missing[*]}" >&2
  exit 1
fi
exec node_modules/.bin/node deploy/verify/main.ts "$@"

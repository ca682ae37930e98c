#!/usr/bin/env bash
# Makes what stands in for node:24-bookworm-slim where no image can be fetched: Debian bookworm, Node 24 and npm from the
# npm registry, the user node (1000) and the entrypoint.
#
#   deploy/verify/make-base.sh OUT.tar          as root; needs mmdebstrap, a Debian mirror and the npm registry; about a minute
#
# The certificates that this machine trusts go into it, so that npm in it reaches the registry as npm here does.
set -euo pipefail
out=$(realpath -m "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
sources=()
[ -f /etc/apt/sources.list.d/debian.sources ] && sources=(/etc/apt/sources.list.d/debian.sources)
mmdebstrap --quiet --variant=minbase --mode=root --include=ca-certificates \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' bookworm rootfs.tar "${sources[@]}"
mkdir rootfs node npm
tar xf rootfs.tar -C rootfs --exclude='./dev/*'
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
tar xzf "$(npm pack --silent "node-linux-$arch@24")" -C node
tar xzf "$(npm pack --silent npm@11)" -C npm

install -m755 node/package/bin/node rootfs/usr/local/bin/node
modules=rootfs/usr/local/lib/node_modules
mkdir -p "$modules" rootfs/usr/local/etc
cp -r npm/package "$modules/npm"
for name in npm npx; do
  chmod +x "$modules/npm/bin/$name-cli.js"
  ln -s "../lib/node_modules/npm/bin/$name-cli.js" "rootfs/usr/local/bin/$name"
done
chroot rootfs groupadd --gid 1000 node
chroot rootfs useradd --uid 1000 --gid node --shell /bin/bash --create-home node
cat > rootfs/usr/local/bin/docker-entrypoint.sh << 'SCRIPT'
#!/bin/sh
# A command that is none is for node, as in the image that this stands in for.
set -e
command -v "$1" > /dev/null || set -- node "$@"
exec "$@"
SCRIPT
chmod 755 rootfs/usr/local/bin/docker-entrypoint.sh
cat /etc/ssl/certs/ca-certificates.crt > rootfs/etc/ssl/certs/ca-certificates.crt
printf 'cafile=/etc/ssl/certs/ca-certificates.crt\nupdate-notifier=false\n' > rootfs/usr/local/etc/npmrc
chroot rootfs node --version
tar -C rootfs --numeric-owner -cf "$out" .

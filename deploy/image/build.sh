#!/bin/bash
# Builds the images of deploy/Containerfile with Debian's tools alone: the base by mmdebstrap, the
# rest by buildah, from binaries compiled here. No container engine and no image registry is used.
# Result: citycode-issuer, -verifier, -relay and -tools in .build/image/store, and with --archive
# also .build/image/citycode-NAME.tar to load elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

archive=
case "${1:-}" in
  "") ;;
  --archive) archive=1 ;;
  *)
    echo "usage: deploy/image/build.sh [--archive]" >&2
    exit 64
    ;;
esac
if [[ $(id -u) -ne 0 ]]; then
  echo "building an image without an engine needs root: sudo make image" >&2
  exit 1
fi
deploy/image/install-tools.sh mmdebstrap buildah

work=$PWD/.build/image
mkdir -p "$work"
# shellcheck source=deploy/image/store.sh
source deploy/image/store.sh
base=localhost/citycode-base:12

echo "== binaries"
rm -rf "$work/context"
deploy/image/compile.sh "$work/context"
ls -l "$work/context/bin" | awk 'NR > 1 { printf "%8.1f MB  %s\n", $5 / 1e6, $9 }'

# The base is made anew once a day, for security updates.
if ! "${buildah[@]}" inspect --type image "$base" > /dev/null 2>&1 ||
  [[ -z $(find "$work/base-made" -mmin -1440 2> /dev/null) ]]; then
  echo "== base: Debian 12, minimal"
  mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$work/base.tar" \
    "deb http://deb.debian.org/debian bookworm main" \
    "deb http://deb.debian.org/debian bookworm-updates main" \
    "deb http://deb.debian.org/debian-security bookworm-security main"
  container=$("${buildah[@]}" from scratch)
  "${buildah[@]}" add --quiet "$container" "$work/base.tar" / > /dev/null
  "${buildah[@]}" commit --quiet --rm "$container" "$base" > /dev/null
  rm "$work/base.tar"
  touch "$work/base-made"
fi

revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
for target in issuer verifier relay tools; do
  echo "== citycode-$target"
  # Docker's format, because OCI's has no health check.
  "${buildah[@]}" build --quiet --format docker --layers --isolation chroot --pull-never \
    --build-arg "BASE=$base" --build-arg BINARIES=prebuilt \
    --build-arg "REVISION=$revision" \
    --build-arg "VERSION=$(git describe --tags --always 2> /dev/null || echo 0)" \
    --build-arg "CREATED=$(git log -1 --format=%cI 2> /dev/null || echo 1970-01-01T00:00:00Z)" \
    --target "$target" --tag "localhost/citycode-$target" \
    --file deploy/Containerfile "$work/context" > /dev/null
  if [[ -n $archive ]]; then
    rm -f "$work/citycode-$target.tar"
    "${buildah[@]}" push --quiet "localhost/citycode-$target" \
      "docker-archive:$work/citycode-$target.tar:citycode-$target:latest"
  fi
done

# What the services put on top of the base: the promise is 80 MB at most.
mounted=$("${buildah[@]}" from --pull-never localhost/citycode-issuer)
bottom=$("${buildah[@]}" from --pull-never "$base")
used() { du --bytes --summarize "$("${buildah[@]}" mount "$1")" | cut -f1; }
added=$((($(used "$mounted") - $(used "$bottom")) / 1000000))
"${buildah[@]}" rm "$mounted" "$bottom" > /dev/null
"${buildah[@]}" rmi --prune > /dev/null 2>&1 || true
echo "the three services and their libraries: $added MB on top of the base"
if [[ $added -gt 80 ]]; then
  echo "that is more than 80 MB" >&2
  exit 1
fi

#!/bin/bash
# Compiles the services with Swift's runtime inside and puts what an image needs into DIRECTORY:
# bin/ and share/. Runs in deploy/Containerfile and for `make image`.
set -euo pipefail
if [[ $# -ne 1 || $1 == -* ]]; then
  echo "usage: compile.sh DIRECTORY    (BUILD_PATH=.build: where it compiles)" >&2
  exit 64
fi
out=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${BUILD_PATH:-.build}
mkdir -p "$out/bin" "$out/share/scenes"
for service in issuer verifier relay; do
  # A static library of Swift keeps the image free of its runtime; what is Debian's stays dynamic,
  # so that security updates reach it.
  nice -n 5 swift build -c release --static-swift-stdlib --scratch-path "$build" \
    --product "$service"
  strip --strip-unneeded -o "$out/bin/$service" "$build/release/$service"
  if ldd "$out/bin/$service" | grep -E 'libswift|libFoundation|libdispatch|not found'; then
    echo "$service needs a library that the image has not" >&2
    exit 1
  fi
done
cp Package.resolved deploy/image/sbom.sh "$out/share/"
cp deploy/scenes/*.json "$out/share/scenes/"
swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' > "$out/share/swift-version"

#!/bin/bash
# Runs the demo's containers from the images of build.sh, talks to them, and ends them. With crun
# where the kernel allows it, else in namespaces of `unshare` with the same root, user, read-only
# mounts and shared PID namespace; the last line says which way it was.
#
#   test.sh [--with crun|unshare]
#
# Everything lives in a network, mount and PID namespace of its own, which ends with the test, at
# the latest after four minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

way=any
if [[ $# -eq 2 && $1 == --with && $2 =~ ^(crun|unshare)$ ]]; then
  way=$2
elif [[ $# -gt 0 ]]; then
  echo "usage: deploy/image/test.sh [--with crun|unshare]" >&2
  exit 64
fi
if [[ $(id -u) -ne 0 ]]; then
  echo "containers without an engine need root: sudo make image-test" >&2
  exit 1
fi
deploy/image/install-tools.sh buildah crun util-linux iproute2 curl python3 \
  systemd-analyze=systemd
# shellcheck source=deploy/image/store.sh
source deploy/image/store.sh
for name in issuer verifier relay tools; do
  "${buildah[@]}" inspect --type image "localhost/citycode-$name" > /dev/null 2>&1 || {
    echo "there is no image yet: make image" >&2
    exit 1
  }
done

work=$(mktemp -d)
containers=()
finish() {
  [[ ${#containers[@]} -eq 0 ]] || "${buildah[@]}" rm "${containers[@]}" > /dev/null
  rm -rf "$work"
}
trap finish EXIT
# The three services' images are the same files, entered in three ways: test.py checks that.
for name in issuer verifier relay tools; do
  "${buildah[@]}" inspect --type image "localhost/citycode-$name" > "$work/$name.json"
done
for name in verifier tools; do
  containers+=("$("${buildah[@]}" from --pull-never "localhost/citycode-$name")")
  "${buildah[@]}" mount "${containers[-1]}" > "$work/$name.root"
done

timeout --kill-after=5 240 \
  unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc --propagation private \
  python3 deploy/image/test.py "$work" "$way"

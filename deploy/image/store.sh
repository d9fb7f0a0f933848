# shellcheck shell=bash
# Sourced in the repository's root by a script with its arguments: sets `buildah`, the command with
# this repository's own store. One script at a time works on it, in a mount namespace of its own, so
# that no mount is left behind however it ends.
if [[ ${CITYCODE_IMAGE_MOUNTS:-} != own ]]; then
  exec env CITYCODE_IMAGE_MOUNTS=own \
    unshare --mount --propagation private "$PWD/deploy/image/${0##*/}" "$@"
fi
mkdir -p .build/image
exec 9> .build/image/lock
flock 9
# Only says what is mounted, which in a new namespace is nothing.
rm -rf .build/image/run
# overlay where the kernel has it and the disk can carry it; else vfs, which copies every layer.
image_store() {
  local probe driver=vfs
  probe=$(mktemp -d "$PWD/.build/image/probe.XXXXXX")
  mkdir "$probe/lower" "$probe/upper" "$probe/work" "$probe/merged"
  if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" \
    "$probe/merged" 2> /dev/null; then
    umount "$probe/merged"
    driver=overlay
  fi
  rm -rf "$probe"
  # shellcheck disable=SC2034
  buildah=(buildah --root "$PWD/.build/image/store-$driver" --runroot "$PWD/.build/image/run"
    --storage-driver "$driver")
}
image_store

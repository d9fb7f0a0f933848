# shellcheck shell=bash
# Sourced in the repository's root: sets `buildah`, the command with this repository's own store.
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
  buildah=(buildah --root "$PWD/.build/image/store-$driver" --runroot "$PWD/.build/image/run"
    --storage-driver "$driver")
}
image_store

#!/bin/bash
# The units by systemd-analyze: verify (what systemd would say of them) and security (how exposed a
# service would be, at most 2.0 of 10). Runs without a running systemd.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/usr/bin "$work"/bin "$work"/usr/lib/systemd/system "$work"/etc/systemd/system
for program in usr/bin/issuer usr/bin/verifier usr/bin/relay bin/kill; do
  printf '#!/bin/sh\n' > "$work/$program"
  chmod +x "$work/$program"
done
cp ./*.service "$work/etc/systemd/system/"
# The targets that units name, as any host has them.
for unit in basic sysinit shutdown multi-user network-online; do
  printf '[Unit]\nDescription=%s\n' "$unit" > "$work/usr/lib/systemd/system/$unit.target"
done
faults=0
for unit in *.service; do
  # Documentation and so on are not looked up: no network, no manual pages.
  if ! output=$(systemd-analyze verify --root="$work" --man=no --generators=no "$unit" 2>&1) ||
    [[ -n $output ]]; then
    echo "$unit: $output"
    faults=$((faults + 1))
  fi
  if output=$(systemd-analyze security --offline=yes --root="$work" --no-pager --threshold=20 \
    "$unit" 2>&1); then
    tail -n 1 <<< "$output"
  else
    echo "$output"
    faults=$((faults + 1))
  fi
done
exit $((faults > 0))

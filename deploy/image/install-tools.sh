#!/bin/bash
# Installs those of the named Debian packages that are missing, and says which. A package whose
# commands are there already (from elsewhere) can be left out by its command: COMMAND=PACKAGE.
set -euo pipefail
missing=()
for name in "$@"; do
  if [[ $name == *=* ]]; then
    command -v "${name%%=*}" > /dev/null && continue
    name=${name#*=}
  elif [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2> /dev/null) == installed ]]; then
    continue
  fi
  missing+=("$name")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo > /dev/null || {
    echo "missing, and this user is not root and has no sudo: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# Daemons of these packages (Prometheus) are not to be started by their installation.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq \
  -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}" > /dev/null < /dev/null
echo "Installed: ${missing[*]}"

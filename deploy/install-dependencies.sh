#!/bin/bash
# Installs what building and running CityCode needs from Debian's packages, and says what.
# With --tests also what only the tests use. Does nothing, quickly, when all is there.
set -euo pipefail

packages=(
  libnghttp2-dev   # HTTP/2
  libssl-dev       # TLS, AES-GCM, signatures
  liblmdb-dev      # the embedded store and the status cache
  libqrencode-dev  # QR symbols
  libpng-dev       # QR pictures
  libyaml-dev      # plans of computations
  zlib1g-dev       # packing sample records in gzip
  libisal-dev      # unpacking raw records in gzip
  libzstd-dev      # raw records in zstd
  openssl          # the demo's throw-away certificates
  curl             # the demo's commands
  ca-certificates  # fetching the Swift packages
  git              # fetching the Swift packages
  libc6-dev        # headers and start files that the Swift toolchain links with
  libstdc++-12-dev # the same
  binutils         # the linker
)
test_packages=(
  nghttp2-client  # h2load and nghttp
  nghttp2-server  # nghttpd, the control of the conformance tests
  zbar-tools      # reads QR pictures back
  librsvg2-bin    # renders SVG for that
  util-linux      # unshare, for the tests of PID namespaces
  procps
  python3         # bench/run and bench/counts
  valgrind        # counts instructions and allocations
  strace          # counts system calls
)

case "${1:-}" in
  "") ;;
  --tests) packages+=("${test_packages[@]}") ;;
  -h | --help)
    echo "usage: install-dependencies.sh [--tests]"
    echo "Installs missing Debian packages: ${packages[*]}"
    echo "With --tests also: ${test_packages[*]}"
    exit 0
    ;;
  *)
    echo "usage: install-dependencies.sh [--tests]" >&2
    exit 64
    ;;
esac

if ! command -v swift > /dev/null; then
  echo "There is no swift in PATH. CityCode needs Swift 6.3: https://www.swift.org/install/linux/" >&2
  exit 1
fi
swift_version=$(swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p')
if [[ $(printf '6.3\n%s\n' "${swift_version:-0}" | sort -V | head -1) != 6.3 ]]; then
  echo "swift in PATH is ${swift_version:-of an unknown version}; CityCode needs Swift 6.3 or newer:" \
    "https://www.swift.org/install/linux/" >&2
  exit 1
fi

if ! command -v dpkg-query > /dev/null; then
  echo "This is no Debian system, so nothing is installed here. Needed are: ${packages[*]}" >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo > /dev/null; then
    echo "These packages are missing, and this user is not root and has no sudo: ${missing[*]}" >&2
    echo "Have them installed: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
fi
echo "Installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}"
echo "Installed: ${missing[*]}"

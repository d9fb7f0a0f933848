#!/bin/bash
# `make monitoring-live`: a world of its own, check-live on it, and its end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
deploy/image/install-tools.sh prometheus curl python3
directory=.build/monitoring-live
demo=.build/release/demo
end() { "$demo" down --directory "$directory" > /dev/null; }
trap end EXIT
"$demo" up --people 5000 --directory "$directory" > /dev/null
timeout 240 deploy/monitoring/check-live --env "$directory/env" --world "$directory/world"

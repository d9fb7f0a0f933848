#!/bin/bash
# Scans against a peer that checks nothing: POST /v1/scans to the verifier of the world that
# `make up` left running, and the same POST to nghttpd with a static file of the same size.
# The server is on the first core, h2load on the second; the two take turns, five runs of four
# seconds each. Prints each pair and the median ratio. Every answer must be 200.
#
#   make up PEOPLE=34000000 && bench/scan.sh [runs]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
. .run/env
work=$(mktemp -d)
trap 'kill "$peer" 2>/dev/null || true; rm -rf "$work"' EXIT
head -1 "$SAMPLE_CODES" | tr -d '\n' > "$work/code"
curl -sS --http2-prior-knowledge -H "authorization: Bearer $POINT_TOKEN" \
  -H 'content-type: text/plain' --data-binary "@$work/code" "$VERIFIER_H2C_URL/v1/scans" \
  > "$work/answer"
grep -q '"outcome":"accepted"' "$work/answer" || { cat "$work/answer"; exit 1; }
port=${VERIFIER_H2C_URL##*:}
verifier=$(ss -ltnpH "sport = :$port" | grep -o 'pid=[0-9]*' | head -1 | cut -d= -f2)
taskset -a -cp 0 "$verifier" > /dev/null
taskset -c 0 nghttpd --no-tls -n1 -d "$work" --address=127.0.0.1 18080 & peer=$!
sleep 0.5

load() { # address headers...
  local url=$1
  shift
  taskset -c 1 h2load -c16 -m32 -t1 -D4 --warm-up-time=1 "$@" -d "$work/code" "$url" > "$work/out"
  grep -q ' 0 3xx, 0 4xx, 0 5xx' "$work/out" || { cat "$work/out" >&2; exit 1; }
  grep -oP 'finished in [^,]*, \K[0-9.]+' "$work/out"
}

for run in $(seq "$runs"); do
  ours=$(load "$VERIFIER_H2C_URL/v1/scans" -H "authorization: Bearer $POINT_TOKEN" \
    -H 'content-type: text/plain')
  theirs=$(load "http://127.0.0.1:18080/answer" -H 'content-type: text/plain')
  ratio=$(awk "BEGIN { printf \"%.3f\", $ours / $theirs }")
  echo "run $run: $ours scans/s, nghttpd $theirs answers/s, ratio $ratio"
  echo "$ratio" >> "$work/ratios"
done
sort -n "$work/ratios" | awk '{ r[NR] = $1 }
  END { printf "median ratio %.3f, from %.3f to %.3f\n", r[int((NR + 1) / 2)], r[1], r[NR] }'

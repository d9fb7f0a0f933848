#!/bin/bash
# A little of everything for a running world, so that every panel of the dashboard has something
# to show: registrations, codes, scans of every scene, refused ones, a partner's codes, changes.
#
#   . ENV; traffic.sh [--seconds N] [--pause S] [--once]
#
# ENV is .run/env of `make up`, or the file that prepare.sh wrote. Ends after N seconds (3,600) at
# the latest; --once after one round. ISSUER may name the program that knows the sample population.
set -euo pipefail

seconds=3600 pause=1 once=
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --pause) pause=$2; shift 2 ;;
    --once) once=1; shift ;;
    *)
      echo "usage: traffic.sh [--seconds N] [--pause S] [--once]" >&2
      exit 64
      ;;
  esac
done
: "${ISSUER_URL:?read the env file of a world first}" "${VERIFIER_URL:?}" "${CA_FILE:?}"
issuer=${ISSUER:-issuer}

# token method url content-type [further arguments]; the body of the answer. An error is told and
# passed over: services of a demo are restarted now and then.
call() {
  local token=$1 method=$2 url=$3 type=$4
  shift 4
  curl --silent --show-error --max-time 5 --http2 --cacert "$CA_FILE" --request "$method" \
    --header "authorization: Bearer $token" --header "content-type: $type" "$@" "$url" || true
}
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# prefix: registers some people of a region's sample, whose handles stand in $handles.
register() {
  local region=$1 url=$2 token=$3 seed=$4
  handles=()
  while IFS=, read -r type number kind _ _ guardian _; do
    [[ $type == document_type || -n $guardian ]] && continue
    handles+=("$(call "$token" POST "$url/v1/holders" application/json --data \
      "{\"document\":{\"type\":\"$type\",\"number\":\"$number\"},\"kind\":\"$kind\"}" | field handle)")
  done < <("$issuer" sample --people 20 --seed "$seed" --region "$region")
  [[ -n ${handles[0]:-} ]] || { echo "no holder could be registered at $url" >&2; return 1; }
}

code() { # url token handle
  call "$2" POST "$1/v1/codes?as=text" application/json \
    --data "{\"handle\":\"$3\",\"lifetime_seconds\":60}"
}

scan() { # url token code scene
  call "$2" POST "$1/v1/scans" text/plain --header "citycode-scene: $4" --data-binary "$3" |
    field outcome
}

register "$WORLD_REGION" "$ISSUER_URL" "$CHANNEL_TOKEN" "${WORLD_SEED:-1}"
home=("${handles[@]}")
register "$PARTNER_WORLD_REGION" "$PARTNER_ISSUER_URL" "$PARTNER_CHANNEL_TOKEN" \
  "${PARTNER_WORLD_SEED:-2}"
partner=("${handles[@]}")

round=0
declare -A outcomes=()
note() { outcomes[${1:-none}]=$((${outcomes[${1:-none}]:-0} + 1)); }
end=$((SECONDS + seconds))
while [[ $SECONDS -lt $end ]]; do
  handle=${home[round % ${#home[@]}]}
  text=$(code "$ISSUER_URL" "$CHANNEL_TOKEN" "$handle")
  for scene in health_gate transit transit pool parking; do
    note "$(scan "$VERIFIER_URL" "$POINT_TOKEN" "$text" "$scene")"
  done
  note "$(scan "$VERIFIER_URL" "$HOSPITAL_TOKEN" "$text" hospital)"
  [[ -z ${EDGE_VERIFIER_URL:-} ]] ||
    note "$(scan "$EDGE_VERIFIER_URL" "$POINT_TOKEN" "$text" health_gate)"
  # Forged: its last characters belong to another code.
  other=$(code "$ISSUER_URL" "$CHANNEL_TOKEN" "${home[(round + 1) % ${#home[@]}]}")
  [[ ${#text} -lt 9 ]] || note "$(scan "$VERIFIER_URL" "$POINT_TOKEN" \
    "${text:0:${#text}-8}${other: -8}" health_gate)"
  note "$(scan "$VERIFIER_URL" "$POINT_TOKEN" "not a code" health_gate)"
  foreign=$(code "$PARTNER_ISSUER_URL" "$PARTNER_CHANNEL_TOKEN" \
    "${partner[round % ${#partner[@]}]}")
  note "$(scan "$VERIFIER_URL" "$POINT_TOKEN" "$foreign" health_gate)"
  note "$(scan "$PARTNER_VERIFIER_URL" "$PARTNER_POINT_TOKEN" "$text" health_gate)"
  # A caller that nobody knows, and a change of status every fifth round.
  call unknown-token POST "$VERIFIER_URL/v1/scans" text/plain --data-binary x > /dev/null
  if ((round % 5 == 4)); then
    call "$AUTHORITY_TOKEN" PUT "$ISSUER_URL/v1/holders/$handle/status" application/json --data \
      "{\"colour\":\"$( ((round % 2)) && echo yellow || echo green)\",\"reason\":3,\"actor\":\"demo\",\"ticket\":\"T-$round\"}" > /dev/null
  fi
  round=$((round + 1))
  [[ -z $once ]] || break
  sleep "$pause"
done
printf '%s rounds:' "$round"
for outcome in "${!outcomes[@]}"; do printf ' %s=%s' "$outcome" "${outcomes[$outcome]}"; done
echo

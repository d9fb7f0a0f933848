#!/bin/bash
# Makes what two demo regions in containers need: throw-away keys, certificates, tokens,
# configurations and a sample population. Two hosts with all three services, and one of verifier
# and relay that follows the first region's feed. Does nothing when it was done before.
#
#   prepare.sh DIRECTORY [PEOPLE]
#
# DIRECTORY/HOST/etc/SERVICE is mounted at /etc/citycode, DIRECTORY/HOST/{data,cache,journal}
# under /var/lib/citycode. Names of services are their addresses: issuer-310000:8440 and so on.
set -euo pipefail

if [[ $# -lt 1 || $1 == -* ]]; then
  echo "usage: prepare.sh DIRECTORY [PEOPLE]" >&2
  exit 64
fi
root=$1
people=${2:-20000}
scenes=${SCENES:-/usr/share/citycode/scenes}
umask 027
mkdir -p "$root"
[[ -e $root/env ]] && { echo "prepared before"; exit 0; }
# What an interrupted run left.
rm -rf "${root:?}"/{ca,tokens,310000,330000,310000-edge}
mkdir -p "$root/ca" "$root/tokens"

request() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -sha256 "$@" 2> /dev/null; }
request -keyout "$root/ca/ca.key" -out "$root/ca/ca.pem" -subj "/CN=CityCode throw-away CA" \
  -addext keyUsage=critical,keyCertSign,cRLSign
chmod 0600 "$root/ca/ca.key"
chmod 0644 "$root/ca/ca.pem"

# region role: the token of a caller; made once.
token() {
  local file="$root/tokens/$1-$2"
  [[ -e $file ]] || openssl rand -hex 24 > "$file"
  tr -d '\n' < "$file"
}
digest() { token "$1" "$2" | openssl dgst -sha256 -r | cut -d' ' -f1; }
row() { printf '{"name":"%s","token_sha256":"%s",%s}' "$3" "$(digest "$1" "$2")" "$4"; }
peer() { printf '{"name":"spiffe://%s.citycode.example/%s",%s}' "$1" "$2" "$3"; }

grants() { # region partner service
  printf '{"principals":['
  case $3 in
    issuer)
      row "$1" channel city-app '"grants":["holders.register","status.read","codes.issue"],"channel":1'
      printf ,
      row "$1" authority health-commission '"grants":["status.read","status.write","handles.any"]'
      printf ,
      peer "$1" relay '"grants":["feed.follow"]'
      ;;
    verifier)
      row "$1" point people-square '"grants":["scans.write","scans.read"],"scenes":["health_gate","transit","pool","parking"],"point":"gate-1"'
      printf ,
      row "$1" hospital first-hospital '"grants":["scans.write","scans.read"],"scenes":["hospital"],"point":"door-1"'
      printf ,
      peer "$1" relay '"grants":["scans.write"],"scenes":["*"]'
      ;;
    relay)
      peer "$1" verifier '"grants":["scans.relay"]'
      printf ,
      peer "$2" relay "\"grants\":[\"scans.partner\"],\"region\":\"$2\""
      ;;
  esac
  printf ']}\n'
}

# host service port admin: certificate, grants and the keys that all services have, into $settings.
identity() {
  local host=$1 service=$2 port=$3 admin=$4
  local region=${host%-edge} partner
  partner=$([[ $region == 310000 ]] && echo 330000 || echo 310000)
  etc="$root/$host/etc/$service"
  mkdir -p "$etc" "$root/$host/cache"
  request -keyout "$etc/service.key" -out "$etc/service.pem" -CA "$root/ca/ca.pem" \
    -CAkey "$root/ca/ca.key" -subj "/CN=$service-$host" \
    -addext "subjectAltName=DNS:$service-$host,DNS:localhost,IP:127.0.0.1,URI:spiffe://$region.citycode.example/$service" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth,clientAuth
  cp "$root/ca/ca.pem" "$etc/ca.pem"
  grants "$region" "$partner" "$service" > "$etc/grants.json"
  [[ -e $root/$region/ticket-secret ]] || openssl rand 32 > "$root/$region/ticket-secret"
  cp "$root/$region/ticket-secret" "$etc/"
  settings="{\"region\": \"$region\", \"listen\": \"0.0.0.0:$port\", \"admin_listen\": \"0.0.0.0:$admin\",
 \"certificate_file\": \"/etc/citycode/service.pem\", \"key_file\": \"/etc/citycode/service.key\",
 \"client_ca_file\": \"/etc/citycode/ca.pem\", \"grants_file\": \"/etc/citycode/grants.json\",
 \"ticket_secret_file\": \"/etc/citycode/ticket-secret\", \"map_size_mib\": 4096,
 \"cache_directory\": \"/var/lib/citycode/cache\""
}
finish() { printf '%s%s}\n' "$settings" "$1" > "$etc/$2.json"; }

region_host() { # region partner seed
  identity "$1" issuer 8440 9440
  mkdir -p "$root/$1/data"
  issuer keys --directory "$root/$1/secrets" > /dev/null
  cp "$root/$1/secrets"/{region-secret,pepper,sealer.pem} "$etc/"
  finish ", \"data_directory\": \"/var/lib/citycode/data\",
 \"region_secret_file\": \"/etc/citycode/region-secret\", \"pepper_file\": \"/etc/citycode/pepper\",
 \"sealer_key_file\": \"/etc/citycode/sealer.pem\"" issuer
  # Here the directories of the containers are elsewhere; the settings of the command line win.
  issuer sample --people "$people" --seed "$3" --region "$1" | issuer load - \
    --config "$etc/issuer.json" --rejects "$root/$1/rejects.csv" \
    --set "certificate_file=$etc/service.pem" --set "data_directory=$root/$1/data" \
    --set "cache_directory=$root/$1/cache" --set "region_secret_file=$etc/region-secret" \
    --set "pepper_file=$etc/pepper" --set "sealer_key_file=$etc/sealer.pem"
  edge "$1" "$2" ""
}

edge() { # host partner extra-settings-of-relay
  local partners="$2=https://relay-$2:8446"
  identity "$1" verifier 8443 9443
  mkdir -p "$root/$1/journal" "$etc/scenes"
  cp "$scenes"/*.json "$etc/scenes/"
  finish ", \"partners\": \"$2\", \"relay_url\": \"https://relay-$1:8446\",
 \"journal_directory\": \"/var/lib/citycode/journal\",
 \"scenes_directory\": \"/etc/citycode/scenes\"" verifier
  identity "$1" relay 8446 9446
  cp "$root/${1%-edge}/secrets/sealer-public.pem" "$etc/"
  finish ", \"partners\": \"$partners\", \"verifier_url\": \"https://verifier-$1:8443\"$3" relay
}

region_host 310000 330000 1
region_host 330000 310000 2
edge 310000-edge 330000 ", \"follow_url\": \"https://issuer-310000:8440\",
 \"sealer_public_key_file\": \"/etc/citycode/sealer-public.pem\""

{
  echo "# A throw-away world in containers; its tokens are worth nothing elsewhere."
  for region in 310000 330000; do
    prefix=$([[ $region == 310000 ]] || echo PARTNER_)
    echo "export ${prefix}WORLD_REGION=$region"
    for name in issuer:8440 verifier:8443 relay:8446; do
      service=${name%:*}
      echo "export ${prefix}${service^^}_URL=https://$service-$region:${name#*:}"
    done
    for role in channel authority point hospital; do
      echo "export ${prefix}${role^^}_TOKEN=$(token "$region" "$role")"
    done
  done
  echo "export EDGE_VERIFIER_URL=https://verifier-310000-edge:8443"
  echo "export CA_FILE=$root/ca/ca.pem"
} > "$root/env.new"
mv "$root/env.new" "$root/env"
echo "prepared: 310000, 330000, 310000-edge with $people people in each region"

#!/bin/sh
# Writes what is in an image as CycloneDX 1.5 JSON: Debian's packages, as dpkg has them, and the
# Swift packages compiled in, as Package.resolved pins them. Runs inside the image.
set -eu
resolved=$1
version=$(cat "$(dirname "$resolved")/swift-version")
printf '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,'
printf '"metadata":{"component":{"type":"application","name":"citycode"}},"components":[\n'
dpkg-query --show --showformat '{"type":"library","name":"${Package}","version":"${Version}","purl":"pkg:deb/debian/${Package}@${Version}?arch=${Architecture}"},\n'
# identity, location and version stand in this order in every pin.
awk -F'"' '
  $2 == "identity" { name = $4 }
  $2 == "location" { location = $4; sub(/^https:\/\//, "", location); sub(/\.git$/, "", location) }
  $2 == "revision" { revision = $4 }
  $2 == "version" && name != "" {
    printf "{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",", name, $4
    printf "\"purl\":\"pkg:swift/%s@%s\",", location, $4
    printf "\"properties\":[{\"name\":\"revision\",\"value\":\"%s\"}]},\n", revision
    name = ""
  }' "$resolved"
printf '{"type":"library","name":"swift-stdlib","version":"%s"}\n]}\n' "$version"

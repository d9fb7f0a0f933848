"""What the API's schemas cannot say of rendered manifests: that names refer to something, that pods
are confined and end in time, and that settings are of one piece."""

import json
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
faults = []
documents = [d for d in yaml.safe_load_all(pathlib.Path(sys.argv[1]).read_text()) if d]
config_maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
# Made by hand from the region's keys: README.md.
SECRETS = {
    "citycode-issuer-tls": {"tls.crt", "tls.key", "ca.crt", "ticket-secret"},
    "citycode-verifier-tls": {"tls.crt", "tls.key", "ca.crt", "ticket-secret"},
    "citycode-relay-tls": {"tls.crt", "tls.key", "ca.crt", "ticket-secret"},
    "citycode-issuer-keys": {"region-secret", "pepper", "sealer.pem"},
    "citycode-feed-key": {"sealer-public.pem"},
}
readme = (HERE / "README.md").read_text()


def files(volume, where):
    """The files that a volume brings; None when it is writable space."""
    if "configMap" in volume:
        name = volume["configMap"]["name"]
        if name not in config_maps:
            faults.append(f"{where}: there is no ConfigMap {name}")
        return set(config_maps.get(name, {}))
    if "secret" in volume:
        name = volume["secret"]["secretName"]
        if volume["secret"].get("defaultMode") != 0o400:
            faults.append(f"{where}: the secret {name} can be read by others")
        if name not in SECRETS or name not in readme:
            faults.append(f"{where}: README.md does not say what the secret {name} is")
        return SECRETS.get(name, set())
    return None


def check_container(container, spec, volumes, where):
    security = {**spec["securityContext"], **container["securityContext"]}
    if not (security.get("runAsNonRoot") and security.get("runAsUser")
            and security.get("readOnlyRootFilesystem")
            and security.get("allowPrivilegeEscalation") is False
            and security["capabilities"]["drop"] == ["ALL"]
            and security["seccompProfile"]["type"] == "RuntimeDefault"):
        faults.append(f"{where}: not confined")
    if "memory" not in container["resources"].get("limits", {}):
        faults.append(f"{where}: no limit of memory")
    present, writable = set(), []
    for mount in container["volumeMounts"]:
        if mount["name"] not in volumes:
            faults.append(f"{where}: there is no volume {mount['name']}")
            continue
        content = files(volumes[mount["name"]], where)
        if content is None:
            writable.append(mount["mountPath"])
        else:
            present |= {f"{mount['mountPath']}/{name}" for name in content}
            present.add(mount["mountPath"])
            if not mount.get("readOnly"):
                faults.append(f"{where}: {mount['mountPath']} can be written")
    ports = {port["name"] for port in container.get("ports", [])}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container.get(kind)
        if probe and probe["httpGet"]["port"] not in ports:
            faults.append(f"{where}: {kind} asks a port that there is not")
    if "serve" in container.get("args", []) and not {"startupProbe", "livenessProbe"} <= set(container):
        faults.append(f"{where}: probes are missing")
    check_settings(container, present, writable, spec, where)


def check_settings(container, present, writable, spec, where):
    config = [a.removeprefix("--config=") for a in container["args"] if a.startswith("--config=")] \
        or [container["args"][container["args"].index("--config") + 1]]
    if config[0] not in present:
        faults.append(f"{where}: {config[0]} is not mounted")
        return
    name = pathlib.PurePath(config[0]).name
    settings = json.loads((HERE / "base/config" / name).read_text())
    for key, value in settings.items():
        if key.endswith("_file") and value not in present:
            faults.append(f"{where}: {key} is {value}, which is not mounted")
        if key.endswith("_directory") and value not in present and not any(
                value == place or value.startswith(place + "/") for place in writable):
            faults.append(f"{where}: {key} is {value}, where nothing can be written")
        if key in ("listen", "admin_listen") and container.get("ports"):
            if int(value.rsplit(":", 1)[1]) not in {p["containerPort"] for p in container["ports"]}:
                faults.append(f"{where}: {key} is {value}, but that is none of its ports")
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if settings.get("drain_delay_seconds", 0) + settings.get("drain_seconds", 10) + 5 > grace:
        faults.append(f"{where}: draining takes longer than Kubernetes waits")


labels = []
for document in documents:
    template = document.get("spec", {}).get("template") if isinstance(document.get("spec"), dict) else None
    if not template:
        continue
    spec = template["spec"]
    labels.append(template["metadata"]["labels"])
    volumes = {v["name"]: v for v in spec.get("volumes", [])}
    volumes |= {c["metadata"]["name"]: {"claim": True}
                for c in document["spec"].get("volumeClaimTemplates", [])}
    for container in spec.get("initContainers", []) + spec["containers"]:
        check_container(container, spec, volumes,
                        f"{document['kind']} {document['metadata']['name']}/{container['name']}")
    sharing = [c["name"] for c in spec["containers"]
               if any(m["mountPath"] == "/var/lib/citycode/cache" for m in c["volumeMounts"])]
    if len(sharing) > 1 and not spec.get("shareProcessNamespace"):
        faults.append(f"{sharing} share a cache but not the process namespace")

for document in documents:
    kind, name = document["kind"], document["metadata"]["name"]
    selector = {"Service": lambda s: s["selector"],
                "PodDisruptionBudget": lambda s: s["selector"]["matchLabels"],
                "NetworkPolicy": lambda s: s["podSelector"].get("matchLabels", {})}.get(kind)
    if selector:
        wanted = selector(document["spec"]).items()
        if not any(wanted <= label.items() for label in labels):
            faults.append(f"{kind} {name} selects no pod")
    if kind == "HorizontalPodAutoscaler":
        target = document["spec"]["scaleTargetRef"]
        if not any(d["kind"] == target["kind"] and d["metadata"]["name"] == target["name"]
                   for d in documents):
            faults.append(f"{kind} {name} scales {target['name']}, which there is not")

for scene in sorted((HERE.parent / "scenes").glob("*.json")):
    copy = HERE / "base/config/scenes" / scene.name
    if not copy.exists() or copy.read_bytes() != scene.read_bytes():
        faults.append(f"base/config/scenes/{scene.name} is not deploy/scenes/{scene.name}: copy it")
claims = {d["metadata"]["name"] for d in documents if d["kind"] == "PersistentVolumeClaim"}
for document in documents:
    template = document.get("spec", {}).get("template", {}) if document["kind"] != "ConfigMap" else {}
    for volume in template.get("spec", {}).get("volumes", []):
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in claims:
            faults.append(f"{document['metadata']['name']}: there is no claim {claim}")

if faults:
    sys.exit("\n".join(faults))

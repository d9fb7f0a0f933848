"""compose.yaml against the Compose specification's model, and what a model cannot say: that what a
service refers to is there, and that every service is confined."""

import pathlib
import sys

import yaml
from compose_spec.models import ComposeSpecification
from pydantic import ValidationError

path = pathlib.Path(sys.argv[1])
document = yaml.safe_load(path.read_text())
services = document["services"]
faults = []

# Extensions are free by the specification; what they are merged into is checked where it ends up.
model = {key: value for key, value in document.items() if not key.startswith("x-")}
try:
    ComposeSpecification.model_validate(model, extra="forbid")
except ValidationError as error:
    for fault in error.errors():
        faults.append(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")

containerfile = (path.parent / "Containerfile").read_text()
for name, service in services.items():
    needed = service.get("depends_on", {})
    references = list(needed)
    if service.get("pid", "").startswith("service:"):
        references.append(service["pid"].removeprefix("service:"))
    for other in references:
        if other not in services:
            faults.append(f"{name} refers to the service {other}, which there is not")
        elif (isinstance(needed, dict) and other in needed
              and needed[other]["condition"] == "service_healthy"
              and f" AS {services[other]['build']['target']}\n" not in containerfile):
            faults.append(f"{name} waits for the health of {other}, whose image is unknown")
    for volume in service.get("volumes", []):
        source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
        if source.startswith("."):
            if not (path.parent / source).exists():
                faults.append(f"{name} mounts {source}, which there is not")
        elif source not in document["volumes"]:
            faults.append(f"{name} mounts the volume {source}, which there is not")
    if "no-new-privileges:true" not in service.get("security_opt", []):
        faults.append(f"{name} may gain privileges")
    if service.get("cap_drop") != ["ALL"]:
        faults.append(f"{name} keeps capabilities")
    if str(service.get("image", "")).startswith("citycode-"):
        if service.get("user") != "10440:10440" or not service.get("read_only"):
            faults.append(f"{name} needs a numeric user and a read-only root")
        target = service["build"]["target"]
        if f" AS {target}\n" not in containerfile:
            faults.append(f"{name} is built from the stage {target}, which there is not")
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            faults.append(f"{name} is open to the network on {port}")

# Who shares a cache shares a PID namespace.
owners = {}
for name, service in services.items():
    for volume in service.get("volumes", []):
        subpath = volume.get("volume", {}).get("subpath", "") if isinstance(volume, dict) else ""
        if subpath.endswith("/cache"):
            owners.setdefault(subpath, {})[name] = service.get("pid")
for subpath, users in owners.items():
    if len(set(users.values())) != 1 or None in users.values():
        faults.append(f"{subpath} is shared by {users}, which must share a PID namespace")

if faults:
    sys.exit("\n".join(faults))

"""What promtool does not ask: that every alert has a test, a severity and a runbook line, and that
rules, dashboard and table speak of the same metrics."""

import json
import pathlib
import re
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
faults = []
groups = yaml.safe_load((HERE / "rules.yaml").read_text())["groups"]
tests = (HERE / "rules-test.yaml").read_text()
table = set(re.findall(r"^\| `(\w+)` \| \w+ \|", (HERE / "METRICS.md").read_text(), re.MULTILINE))
recorded = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def check_names(expression, where):
    stripped = re.sub(r'"[^"]*"', '""', expression)
    for name in re.findall(r"\b((?:citycode|process)_\w+|\w+:citycode_[\w:]+)", stripped):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in recorded and name not in table and base not in table:
            faults.append(f"{where}: METRICS.md does not have {name}")


for group in groups:
    for rule in group["rules"]:
        name = rule.get("alert") or rule["record"]
        check_names(rule["expr"], name)
        if "alert" not in rule:
            continue
        if rule.get("labels", {}).get("severity") not in ("page", "ticket"):
            faults.append(f"{name}: severity must be page or ticket")
        for text in ("summary", "runbook"):
            if len(rule.get("annotations", {}).get(text, "")) < 20:
                faults.append(f"{name}: no {text}")
        if f'alertname="{name}"' not in tests:
            faults.append(f"{name}: no test says that it fires")

board = json.loads((HERE / "grafana/citycode.json").read_text())
ids = [panel["id"] for panel in board["panels"]]
if len(ids) != len(set(ids)):
    faults.append("panels of the dashboard share a number")
taken = {}
for panel in board["panels"]:
    for target in panel.get("targets", []):
        check_names(target["expr"], f"panel {panel['title']}")
    place = panel["gridPos"]
    if place["x"] + place["w"] > 24:
        faults.append(f"panel {panel['title']} stands out of the grid")
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            if (x, y) in taken:
                faults.append(f"panels {panel['title']} and {taken[x, y]} lie on each other")
                break
            taken[x, y] = panel["title"]

if faults:
    sys.exit("\n".join(sorted(set(faults))))

#!/usr/bin/env python3
"""Writes citycode.json, the dashboard, which is read from top to bottom: is it well, who is
refused and why, how fast, how much, how fresh, partners and keys, stores, processes.

    dashboard.py            writes citycode.json beside this file
    dashboard.py --check    fails when that file is not what this program writes
"""

import json
import pathlib
import sys

WELL = {"mode": "absolute", "steps": [{"color": "green", "value": None}]}


def steps(*pairs, start="green"):
    return {"mode": "absolute", "steps": [{"color": start, "value": None}]
            + [{"color": colour, "value": value} for value, colour in pairs]}


class Board:
    def __init__(self):
        self.panels = []
        self.y = 0
        self.x = 0
        self.height = 0

    def place(self, width, height):
        if self.x + width > 24:
            self.x, self.y = 0, self.y + self.height
        position = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x += width
        self.height = height
        return position

    def row(self, title):
        if self.x:
            self.y += self.height
        self.panels.append({
            "id": len(self.panels) + 1, "type": "row", "title": title, "collapsed": False,
            "panels": [], "gridPos": {"x": 0, "y": self.y, "w": 24, "h": 1}})
        self.x, self.y = 0, self.y + 1

    def panel(self, kind, title, help_text, targets, unit, width, height, defaults, options):
        self.panels.append({
            "id": len(self.panels) + 1, "type": kind, "title": title, "description": help_text,
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "gridPos": self.place(width, height),
            "targets": [
                {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend,
                 "datasource": {"type": "prometheus", "uid": "${datasource}"}}
                for index, (expression, legend) in enumerate(targets)],
            "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
            "options": options})

    def stat(self, title, help_text, expression, unit, thresholds=WELL, width=4, **more):
        self.panel("stat", title, help_text, [(expression, "")], unit, width, 4,
                   {"thresholds": thresholds, "color": {"mode": "thresholds"}, **more},
                   {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background",
                    "graphMode": "area", "textMode": "value"})

    def graph(self, title, help_text, targets, unit, width=8, stacked=False, **more):
        custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if stacked else 5,
                  "showPoints": "never",
                  "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
        if more.pop("logarithmic", False):
            custom["scaleDistribution"] = {"type": "log", "log": 10}
        self.panel("timeseries", title, help_text, targets, unit, width, 8,
                   {"custom": custom, "color": {"mode": "palette-classic"}, **more},
                   {"legend": {"displayMode": "list", "placement": "bottom"},
                    "tooltip": {"mode": "multi", "sort": "desc"}})


R = 'region=~"$region"'
SCANS = 'service="verifier", route=~".*/v1/scans"'


def quantile(q, by, selector):
    return (f"histogram_quantile({q}, sum by (le, {by}) (rate("
            f"citycode_request_duration_seconds_bucket{{{R}, {selector}}}[$__rate_interval])))")


def rate(name, by, selector=""):
    matchers = f"{R}, {selector}" if selector else R
    return f"sum by ({by}) (rate({name}{{{matchers}}}[$__rate_interval]))"


def board():
    b = Board()
    b.row("Is it well?")
    b.stat("Alerts firing", "Each names what to do first.",
           'count(ALERTS{alertstate="firing"}) or vector(0)', "none", steps((1, "red")))
    b.stat("Services that answer", "Of those that Prometheus knows.",
           f'sum(up{{{R}, service=~"issuer|verifier|relay"}})'
           f' / count(up{{{R}, service=~"issuer|verifier|relay"}})',
           "percentunit", steps((0.999, "green"), start="red"))
    b.stat("Scans a second", "All outcomes.",
           f"sum(rate(citycode_scans_total{{{R}}}[$__rate_interval]))", "reqps")
    b.stat("Accepted", "Share of scans. A fall everywhere at once is never the people.",
           f'sum(rate(citycode_scans_total{{{R}, outcome="accepted"}}[$__rate_interval]))'
           f" / sum(rate(citycode_scans_total{{{R}}}[$__rate_interval]))",
           "percentunit", steps((0.5, "orange"), (0.8, "green"), start="red"))
    b.stat("Slowest scan in 1,000", "The objective is 10 ms.",
           f"histogram_quantile(0.999, sum by (le) (rate("
           f"citycode_request_duration_seconds_bucket{{{R}, {SCANS}}}[$__rate_interval])))",
           "s", steps((0.005, "orange"), (0.01, "red")))
    b.stat("Oldest knowledge", "Age of statuses at the worst verifier.",
           f"max(citycode_status_age_seconds{{{R}}})", "s", steps((60, "orange"), (300, "red")))

    b.row("Who is refused, and why?")
    b.graph("Scans by outcome", "accepted, and why the others were not.",
            [(rate("citycode_scans_total", "outcome"), "{{outcome}}")], "reqps", stacked=True)
    b.graph("Not accepted, by scene", "Share of each scene's scans.",
            [('1 - (sum by (scene) (rate(citycode_scans_total{' + R
              + ', outcome="accepted"}[$__rate_interval])) / '
              + rate("citycode_scans_total", "scene") + ")", "{{scene}}")],
            "percentunit", min=0, max=1)
    b.graph("Requests refused before any work", "503 and 507, by reason and service.",
            [(rate("citycode_requests_refused_total", "service, reason"),
              "{{service}} {{reason}}")], "reqps")

    b.row("How fast?")
    b.graph("Scans", "From the last byte of the request to the answer.",
            [(quantile(0.5, "region", SCANS), "{{region}} p50"),
             (quantile(0.99, "region", SCANS), "{{region}} p99"),
             (quantile(0.999, "region", SCANS), "{{region}} p99.9")], "s", logarithmic=True)
    b.graph("p99 by route", "All services.",
            [(quantile(0.99, "service, route", 'service=~".+"'), "{{service}} {{route}}")], "s",
            logarithmic=True)
    b.graph("Slow scans", "Share slower than 10 ms; above 1.44 % for an hour is paged.",
            [(f"region:citycode_slow_scans:ratio_rate5m{{{R}}}", "{{region}} 5 min"),
             (f"region:citycode_slow_scans:ratio_rate1h{{{R}}}", "{{region}} 1 h")],
            "percentunit", min=0)

    b.row("How much?")
    b.graph("Requests by class", "",
            [(rate("citycode_http_requests_total", "service, class"), "{{service}} {{class}}")],
            "reqps", width=6)
    b.graph("In flight, and the level of answers", "D0 full to D3; autoscaling goes by in flight.",
            [(f"sum by (service) (citycode_in_flight{{{R}}})", "{{service}} in flight"),
             (f"max by (service) (citycode_degradation_level{{{R}}})", "{{service}} level D")],
            "none", width=6, min=0)
    b.graph("Connections", "Open, opened, ended for a broken limit, turned away.",
            [(f"sum by (service) (citycode_connections{{{R}}})", "{{service}} open"),
             (rate("citycode_connections_opened_total", "service"), "{{service}} opened/s"),
             (rate("citycode_connections_ended_total", "service"), "{{service}} ended/s"),
             (rate("citycode_connections_refused_total", "service"), "{{service}} refused/s"),
             (rate("citycode_accept_pauses_total", "service"), "{{service}} pauses/s")],
            "none", width=6)
    b.graph("TLS handshakes", "Resumed ones cost a quarter.",
            [(rate("citycode_tls_handshakes_total", "result"), "{{result}}")], "ops", width=6,
            stacked=True)
    b.graph("Codes issued", "", [(rate("citycode_codes_issued_total", "region"), "{{region}}")],
            "ops", width=24)

    b.row("How fresh?")
    b.graph("Age of statuses", "Above status_age_max_seconds scans answer stale_cache.",
            [(f"citycode_status_age_seconds{{{R}}}", "{{instance}}")], "s", width=6)
    b.graph("Position in the change log", "Lines of a region lie on each other.",
            [(f"citycode_feed_position{{{R}}}", "{{region}} {{instance}}")], "none", width=6)
    b.graph("Following hosts", "Behind their issuer; segments applied and refused.",
            [(f"citycode_feed_lag_seconds{{{R}}}", "{{instance}} behind (s)"),
             (rate("citycode_segments_applied_total", "instance"), "{{instance}} applied/s"),
             (rate("citycode_segments_refused_total", "instance"), "{{instance}} refused/s")],
            "none", width=6)
    b.graph("Generation in force", "Its age, its number (0: none), and how long changes waited for"
            " the last switch.",
            [(f"max by (region) (citycode_generation_age_seconds{{{R}}})", "{{region}} age (s)"),
             (f"max by (region) (citycode_generation_in_force{{{R}}})", "{{region}} number"),
             (f"max by (region) (citycode_generation_switch_seconds{{{R}}})",
              "{{region}} switch (s)")], "none", width=6)

    b.row("Partners and keys")
    b.graph("Scans sent to partners", "unreachable: their people are answered region_unreachable.",
            [(rate("citycode_partner_requests_total", "region, partner, result"),
              "{{region}} to {{partner}} {{result}}")], "reqps", width=12)
    b.graph("Until keys run out", "epoch_keys: how long this host can verify without its issuer.",
            [(f"min by (service, key) (citycode_key_expiry_seconds{{{R}}})",
              "{{service}} {{key}}")], "s", width=12, logarithmic=True)

    b.row("Stores")
    b.graph("Maps used", "Writes fail at 100 %.",
            [(f"citycode_lmdb_map_used_ratio{{{R}}}", "{{instance}} {{environment}}")],
            "percentunit", width=6, min=0, max=1)
    b.graph("Reader slots taken", "",
            [(f"citycode_lmdb_readers{{{R}}} / citycode_lmdb_readers_max{{{R}}}",
              "{{instance}} {{environment}}")], "percentunit", width=6, min=0, max=1)
    b.graph("Oldest read transaction", "One that stays keeps pages from being reused.",
            [(f"citycode_lmdb_oldest_reader_seconds{{{R}}}", "{{instance}} {{environment}}")],
            "s", width=6)
    b.graph("Scans not yet durable", "Lost if the host dies now.",
            [(f"citycode_journal_backlog{{{R}}}", "{{instance}}")], "none", width=6)

    b.row("Processes")
    b.graph("Processor", "Cores.",
            [(f'rate(process_cpu_seconds_total{{{R}, service=~"issuer|verifier|relay"}}[$__rate_interval])',
              "{{service}} {{instance}}")], "none", width=6)
    b.graph("Memory", "With the pages of the maps that are in memory, which are shared.",
            [(f'process_resident_memory_bytes{{{R}, service=~"issuer|verifier|relay"}}',
              "{{service}} {{instance}}")], "bytes", width=6)
    b.graph("Descriptors used", "",
            [(f'process_open_fds{{{R}, service=~"issuer|verifier|relay"}} / process_max_fds',
              "{{service}} {{instance}}")], "percentunit", width=6, min=0)
    b.graph("Up for, by build", "",
            [("(time() - process_start_time_seconds{" + R + ', service=~"issuer|verifier|relay"})'
              " * on (instance, service, region) group_left (version) citycode_build_info",
              "{{service}} {{instance}} {{version}}")], "s", width=6)
    return {
        "uid": "citycode", "title": "CityCode", "tags": ["citycode"], "schemaVersion": 38,
        "version": 1, "editable": True, "timezone": "browser", "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source",
             "current": {}},
            {"name": "region", "type": "query", "label": "Region", "multi": True,
             "includeAll": True, "allValue": ".*", "refresh": 2, "sort": 1,
             "current": {"text": ["All"], "value": ["$__all"]},
             "datasource": {"type": "prometheus", "uid": "${datasource}"},
             "query": {"query": "label_values(citycode_connections, region)", "refId": "A"}}]},
        "annotations": {"list": []}, "links": [], "panels": b.panels,
    }


def main():
    path = pathlib.Path(__file__).with_name("citycode.json")
    text = json.dumps(board(), indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not path.exists() or path.read_text() != text:
            sys.exit(f"{path} is not what dashboard.py writes: run it")
    elif not sys.argv[1:]:
        path.write_text(text)
    else:
        sys.exit("usage: dashboard.py [--check]")


if __name__ == "__main__":
    main()

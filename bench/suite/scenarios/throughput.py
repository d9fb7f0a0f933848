"""Peaks at closed loop, each run of ours beside one of a peer."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ..bench import Bench, Scenario
from ..loadgen import Load
from ..measure import LoadSubject, Sample, Subject, compare
from ..processor import cpu_seconds
from ..rows import Goal, Row, failure, ratio_at_least
from ..world import LOAD_CORE

SIDE_PEERS = ("nghttpd-get", "nginx", "h2o", "go-static", "go-scan", "hummingbird")
TEXT_PEERS = ("nghttpd-post", *SIDE_PEERS)


def against(
    bench: Bench,
    scenario: str,
    ours: Subject,
    peer: Subject,
    unit: str,
    goal: Goal | None,
    note: str = "",
    is_side: bool = False,
) -> Row:
    plan = bench.plan
    seconds = plan.side_seconds if is_side else plan.seconds
    warm_up = plan.warm_up / 2 if is_side else plan.warm_up
    done = compare(scenario, ours, peer, plan.runs, seconds, warm_up)
    return done.row(scenario, unit, goal, note)


def scan_text(bench: Bench) -> list[Row]:
    """Text scans against the same POST at a static file server, and against all other peers."""
    ours = bench.scan_subject()
    with bench.peers.subject("nghttpd-post", bench) as peer:
        rows = [against(bench, "scan-text", ours, peer, "scans/s", ratio_at_least(1.0))]
    for name in SIDE_PEERS:
        try:
            with bench.peers.subject(name, bench) as peer:
                rows.append(against(bench, "scan-text", ours, peer, "scans/s", None, is_side=True))
        except Exception as error:  # a peer that cannot run is a row, not the end
            bench.reraise_if_void(error)
            rows.append(failure("scan-text", f"{name}: {error}"))
    return rows


def scan_json(bench: Bench) -> list[Row]:
    json_scans, text = bench.scan_subject("json"), bench.scan_subject()
    return [against(bench, "scan-json", json_scans, text, "scans/s", ratio_at_least(0.8))]


def scan_batch(bench: Bench) -> list[Row]:
    """Codes in batches against Redis, which looks up as many keys and checks nothing."""
    ours = bench.scan_subject("batch=256")
    with bench.peers.redis(bench) as redis:
        deep = against(bench, "scan-batch-256", ours, redis(16), "codes/s", ratio_at_least(1.0))
        single = against(bench, "scan-batch-256", ours, redis(1), "codes/s", None, is_side=True)
    try:
        bare = bench.peers.lmdb(bench)
        floor = against(bench, "scan-batch-256", ours, bare, "codes/s", None, is_side=True)
    except Exception as error:  # a peer that cannot run is a row, not the end
        bench.reraise_if_void(error)
        floor = failure("scan-batch-256", f"bare LMDB: {error}")
    return [deep, single, floor]


def scan_tls(bench: Bench) -> list[Row]:
    ours = bench.scan_subject(tls=True)
    with bench.peers.subject("nghttpd-tls", bench) as peer:
        return [against(bench, "scan-tls", ours, peer, "scans/s", ratio_at_least(0.9))]


# Issuing


def batch_bodies(bench: Bench) -> Path:
    """The bodies that ask for a code, asking for a hundred."""
    file = bench.world.directory / "batch-100.bodies"
    single = bench.beside_corpus("handles").read_text().splitlines()
    lines = [json.dumps({**json.loads(line), "count": 100}) + "\n" for line in single[:10_000]]
    file.write_text("".join(lines))
    return file


def issue_class(bench: Bench, path: str, bodies: Path, weight: int = 100) -> dict[str, object]:
    return {
        "name": "issue",
        "weight": weight,
        "url": bench.issuer.clear_url,
        "method": "POST",
        "path": path,
        "headers": bench.headers("channel", "application/json"),
        "bodies": str(bodies),
        "check": "status",
        "connections": 16,
        "streams": 32,
    }


def issue_subject(bench: Bench, name: str, path: str, bodies: Path, factor: int) -> LoadSubject:
    request = bench.mix(name, [issue_class(bench, path, bodies)])
    return LoadSubject(name, bench.generator, request, [bench.issuer.process_id], factor)


def issue_one(bench: Bench) -> list[Row]:
    bodies = bench.beside_corpus("handles")
    ours = issue_subject(bench, "issue-one", "/v1/codes", bodies, 1)
    goal = ratio_at_least(1.0)
    return [against(bench, "issue-one", ours, bench.scan_subject(), "codes/s", goal)]


def issue_batch(bench: Bench) -> list[Row]:
    bodies = batch_bodies(bench)
    ours = issue_subject(bench, "issue-batch-100", "/v1/codes/batch", bodies, 100)
    text = bench.scan_subject()
    return [against(bench, "issue-batch-100", ours, text, "codes/s", None, is_side=True)]


# Several things at once


def foreign_scan(bench: Bench) -> list[Row]:
    """A partner's code: verifier, relay, partner's relay, partner's verifier, and back."""
    request = replace(bench.scans(), corpus=bench.beside_corpus("foreign"))
    load = Load(bench.plan.either(2, 10), bench.plan.warm_up, connections=8, streams=8)
    result = bench.generator.run("foreign-scan", request, load, bench.region_pids)
    note = (
        f"p99 {result.milliseconds('p99'):.2f} ms, {result.count('lost', 'errors')} lost; "
        "four processes share the core"
    )
    return [Row("foreign-scan", "scans/s", result.per_second, "scans/s", note=note)]


def morning(bench: Bench) -> list[Row]:
    """70 % scans, 25 % codes issued, 4 % foreign scans, 1 % status changes, all on one core."""
    changed = bench.beside_corpus("spare").read_text().split()[0]
    changes = bench.world.directory / "changes.bodies"
    # Green stays green: the reason alone changes, so that no scan's outcome does.
    lines = [
        f'{{"colour":"green","reason":{reason},"actor":"bench","ticket":"B-{reason}"}}\n'
        for reason in range(1, 9)
    ]
    changes.write_text("".join(lines))
    scan = {
        "method": "POST",
        "path": "/v1/scans",
        "url": bench.verifier.clear_url,
        "headers": bench.headers("point"),
        "form": "text",
        "connections": 8,
        "streams": 16,
    }
    bodies = bench.beside_corpus("handles")
    classes = [
        {**scan, "name": "scan", "weight": 70, "corpus": str(bench.corpus)},
        issue_class(bench, "/v1/codes", bodies, 25),
        {**scan, "name": "foreign", "weight": 4, "corpus": str(bench.beside_corpus("foreign"))},
        {
            "name": "change",
            "weight": 1,
            "url": bench.issuer.clear_url,
            "method": "PUT",
            "path": f"/v1/holders/{changed}/status",
            "headers": bench.headers("authority", "application/json"),
            "bodies": str(changes),
            "check": "status",
            "connections": 1,
            "streams": 16,
        },
    ]
    load = Load(bench.plan.either(2, 15), bench.plan.warm_up)
    result = bench.generator.run("morning", bench.mix("morning", classes), load, bench.region_pids)
    parts = [
        f"{name} {one['ok']} ok, {one['lost'] + one['errors']} lost, "
        f"p99 {one['latency_us'].get('p99', 0) / 1_000:.2f} ms"
        for name, one in result.json.get("classes", {}).items()
    ]
    return [Row("morning", "requests/s", result.per_second, "requests/s", note="; ".join(parts))]


# An independent generator


@dataclass(frozen=True)
class H2loadSubject:
    """A server under h2load, which sends one fixed code again and again."""

    name: str
    bench: Bench
    url: str
    headers: tuple[str, ...]
    body: Path
    pid: int

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample:
        whole = max(1, round(seconds))
        arguments = ["taskset", "-c", str(LOAD_CORE), "h2load", "-c16", "-m32", "-t1"]
        arguments += [f"-D{whole}", f"--warm-up-time={round(warm_up)}"]
        arguments += [word for header in self.headers for word in ("-H", header)]
        before, started = cpu_seconds(self.pid), time.monotonic()
        _, text = self.bench.children.run([*arguments, "-d", str(self.body), self.url], 60)
        used, span = cpu_seconds(self.pid) - before, time.monotonic() - started
        (self.bench.plan.out / "raw" / f"{label}.txt").write_text(text)
        rate = re.search(r"finished in [^,]*, ([0-9.]+) req/s", text)
        codes = re.search(r" 0 3xx, 0 4xx, 0 5xx", text)
        if rate is None or codes is None:
            raise RuntimeError(f"h2load: {text[-300:]}")
        return Sample(float(rate.group(1)), None, used / span)


def scan_h2load(bench: Bench) -> list[Row]:
    body = bench.world.directory / "one-code"
    body.write_text(bench.good_code)
    kind, bearer = "content-type: text/plain", f"authorization: Bearer {bench.token('point')}"
    url = f"{bench.verifier.clear_url}/v1/scans"
    ours = H2loadSubject("scan", bench, url, (kind, bearer), body, bench.verifier.process_id)
    with bench.peers.subject("nghttpd-post", bench) as peer:
        theirs = H2loadSubject(
            "nghttpd-post",
            bench,
            f"{peer.request.urls[0]}{peer.request.path}",
            (kind,),
            body,
            peer.pids[0],
        )
        note = "measured by h2load with one fixed code, as a second opinion on the generator"
        return [against(bench, "scan-h2load", ours, theirs, "scans/s", None, note)]


SCENARIOS = (
    Scenario("scan-text", "text scans against every HTTP/2 peer", 28, 200, scan_text, TEXT_PEERS),
    Scenario("scan-json", "JSON scans against text scans", 6, 42, scan_json),
    Scenario("scan-batch-256", "batches against Redis and bare LMDB", 12, 116, scan_batch, ("redis", "lmdb")),
    Scenario("scan-tls", "text scans over TLS 1.3 against nghttpd", 6, 42, scan_tls, ("nghttpd-tls",)),
    Scenario("scan-h2load", "text scans as h2load measures them", 7, 42, scan_h2load, ("nghttpd-post",)),
    Scenario("issue-one", "codes issued against scans", 6, 42, issue_one),
    Scenario("issue-batch-100", "a hundred codes a request", 4, 30, issue_batch),
    Scenario("foreign-scan", "scans through two relays", 3, 14, foreign_scan),
    Scenario("morning", "the mix of a morning, all processes", 3, 18, morning),
)

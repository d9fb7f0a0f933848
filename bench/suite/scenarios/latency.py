"""How long answers take while there is room: open loop, from the intended start."""

from __future__ import annotations

from dataclasses import replace

from ..bench import Bench, Scenario
from ..loadgen import Load, Result
from ..rows import Row, at_most
from .throughput import against

GOALS = (("p50", "p50", 0.2), ("p99", "p99", 1.0), ("p99.9", "p999", 3.0))


def latency_50(bench: Bench) -> list[Row]:
    """Half of the measured peak, on a fixed schedule; nghttpd answers a file on the same one."""
    peak = bench.peak()
    load = Load(bench.plan.either(3, 15), bench.plan.warm_up, rate=peak / 2)
    pids = [bench.verifier.process_id]
    result = bench.generator.run("latency-50", bench.scans(), load, pids)
    with bench.peers.subject("nghttpd-post", bench) as peer:
        beside = replace(load, seconds=bench.plan.either(1, 8))
        theirs = bench.generator.run("latency-50-nghttpd", peer.request, beside, peer.pids)
    pictured = bench.pictures.setdefault("latency", {})
    pictured["50 % of peak"] = result.curve
    pictured["nghttpd, the same schedule"] = theirs.curve
    note = f"{peak / 2:,.0f} requests/s offered; {lag(result)}"
    return [
        Row(
            "latency-50",
            name,
            result.milliseconds(key),
            "ms",
            theirs.milliseconds(key),
            "nghttpd",
            goal=at_most(limit, "ms"),
            note=note,
        )
        for name, key, limit in GOALS
    ]


def lag(result: Result) -> str:
    late = float(result.json.get("generator", {}).get("late_p99_us", 0))
    return f"the generator itself was late by {late / 1_000:.2f} ms at p99"


def gates_256(bench: Bench) -> list[Row]:
    """256 gates that each wait for the answer before the next person."""
    ours = bench.scan_subject(connections=256, streams=1)
    with bench.peers.subject("nghttpd-post", bench, connections=256, streams=1) as peer:
        row = against(bench, "gates-256", ours, peer, "scans/s", None, is_side=True)
    load = Load(bench.plan.side_seconds, bench.plan.warm_up, connections=256, streams=1)
    result = bench.generator.run(
        "gates-256-latency", bench.scans(), load, [bench.verifier.process_id]
    )
    bench.pictures.setdefault("latency", {})["256 gates"] = result.curve
    return [row, Row("gates-256", "p99", result.milliseconds("p99"), "ms")]


SCENARIOS = (
    Scenario("latency-50", "latency at half of the peak", 6, 30, latency_50, ("nghttpd-post",)),
    Scenario("gates-256", "256 connections with one request in flight", 6, 32, gates_256, ("nghttpd-post",)),
)

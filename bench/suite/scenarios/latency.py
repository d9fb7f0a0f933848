"""How long answers take while there is room: open loop, from the intended start."""

from __future__ import annotations

from ..bench import Bench, Scenario
from ..loadgen import Load, Result
from ..rows import Row, at_most
from .throughput import against

GOALS = (("p50", "p50", 0.2), ("p99", "p99", 1.0), ("p99.9", "p999", 3.0))


def latency_50(bench: Bench) -> list[Row]:
    """Half of the measured peak, on a fixed schedule."""
    peak = bench.peak()
    load = Load(bench.plan.either(3, 20), bench.plan.warm_up, rate=peak / 2)
    pids = [bench.verifier.process_id]
    result = bench.generator.run("latency-50", bench.scans(), load, pids)
    bench.pictures.setdefault("latency", {})["50 % of peak"] = result.curve
    note = f"{peak / 2:,.0f} scans/s offered; {lag(result)}"
    return [
        Row(
            "latency-50", name, result.milliseconds(key), "ms", goal=at_most(limit, "ms"), note=note
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
    Scenario("latency-50", "latency at half of the peak", 5, 30, latency_50),
    Scenario("gates-256", "256 connections with one request in flight", 6, 32, gates_256, ("nghttpd-post",)),
)

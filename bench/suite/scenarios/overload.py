"""More than can be answered: what is answered still, how fast, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..bench import Bench, Scenario
from ..loadgen import Load, Result
from ..processor import rss_kib
from ..rows import Goal, Row, at_most, finite, ratio_at_least

# How long a gate holds a request that it may not send yet before it shows "busy".
GIVE_UP_MILLISECONDS = 5
SWEEP = (10, 25, 50, 75, 90, 100, 125, 150, 200, 300)
GOODPUT = ratio_at_least(0.9)
LATENCY = at_most(25, "ms")


def offer(
    bench: Bench, label: str, percent: float, seconds: float, form: str = "text", retries: int = 0
) -> Result:
    """Text scans or batches at a share of the peak, dropped when they cannot be sent in time."""
    is_batch = form.startswith("batch")
    load = Load(
        seconds,
        bench.plan.warm_up,
        rate=bench.peak(form) * percent / 100,
        give_up_milliseconds=GIVE_UP_MILLISECONDS,
        retries=retries,
        # Many clients: thousands of requests can be under way, more than 25 ms of work.
        connections=32 if is_batch else 16,
        streams=8 if is_batch else 256,
    )
    pids = [bench.verifier.process_id]
    return bench.generator.run(label, bench.scans(form), load, pids)


class Point(NamedTuple):
    """One overload, and the peak just before and just after it."""

    result: Result
    peak: float

    @property
    def share(self) -> float:
        return self.result.per_second / self.peak


def between_peaks(
    bench: Bench, label: str, percent: float, seconds: float, form: str = "text", retries: int = 0
) -> Point:
    """The overload between two measurements of the peak: a shared machine's speed changes."""
    before = bench.peak_now(form)
    result = offer(bench, label, percent, seconds, form, retries)
    return Point(result, (before + bench.peak_now(form)) / 2)


def rows_of(scenario: str, point: Point, form: str = "text") -> list[Row]:
    """Goodput against the peak, and the p99 of what was accepted."""
    result, peak = point
    factor = int(form.partition("=")[2] or 1)
    unit = "codes/s" if factor > 1 else "scans/s"
    note = (
        f"{result.offered / peak:.0%} of the peak offered; "
        f"{result.count('refused'):,} refused, {result.count('unsent'):,} not sent, "
        f"{result.count('lost', 'errors'):,} lost"
    )
    share = point.share
    return [
        Row(
            scenario,
            "goodput",
            result.per_second * factor,
            unit,
            peak * factor,
            "own peak",
            share,
            share,
            share,
            1,
            GOODPUT,
            note,
        ),
        Row(scenario, "p99 of accepted", result.milliseconds("p99"), "ms", goal=LATENCY, note=note),
    ]


def sweep(bench: Bench) -> list[Row]:
    """From a tenth of the peak to three times as much."""
    seconds = bench.plan.either(0.5, 3)
    points: list[dict[str, Any]] = []
    beyond: list[Point] = []
    peak = bench.peak_now()
    for percent in SWEEP:
        label = f"sweep-{percent}"
        result = offer(bench, label, percent, seconds)
        if percent >= 100:
            before, peak = peak, bench.peak_now()
            beyond.append(Point(result, (before + peak) / 2))
        points.append(
            {
                "percent": percent,
                "offered": result.offered,
                "answered": result.per_second,
                "refused": result.count("refused") / result.seconds,
                "unsent": result.count("unsent") / result.seconds,
                "p99_ms": finite(result.milliseconds("p99")),
            }
        )
    bench.pictures["sweep"] = {"peak": bench.peak(), "points": points}
    del beyond[0]
    lowest = min(beyond, key=lambda one: one.share)
    slowest = max(beyond, key=lambda one: one.result.milliseconds("p99"))
    goodput, _ = rows_of("overload-sweep", lowest)
    _, latency = rows_of("overload-sweep", slowest)
    return [goodput, latency]


def overload_200(bench: Bench) -> list[Row]:
    point = between_peaks(bench, "overload-200", 200, bench.plan.either(4, 60))
    return rows_of("overload-200", point)


def overload_1000(bench: Bench) -> list[Row]:
    """Ten times the capacity, in batches: their making costs the generator little."""
    form = "batch=256"
    before = rss_kib(bench.verifier.process_id)
    point = between_peaks(bench, "overload-1000", 1_000, bench.plan.either(4, 600), form)
    grown = (rss_kib(bench.verifier.process_id) - before) / 1_024
    rows = rows_of("overload-1000", point, form)
    memory = Row("overload-1000", "memory grown", grown, "MiB")
    return [*rows, memory]


def retry_storm(bench: Bench) -> list[Row]:
    """Every refused client asks again at once, three times."""
    seconds = bench.plan.either(2, 20)
    point = between_peaks(bench, "retry-storm", 200, seconds, retries=3)
    return rows_of("retry-storm", point)


def recovered_after(
    timeline: Sequence[Sequence[float]], surge_ends: float, calm_us: float
) -> float:
    """Seconds from the end of the surge until p99 is calm, and stays so.

    Each row is of the second that ends with its number; the one in which the surge ended is half
    the surge's own.
    """
    restless = [row[0] for row in timeline if row[0] - 1 >= surge_ends and row[-1] > calm_us]
    return max(restless) - surge_ends if restless else 0


def recovery(bench: Bench) -> list[Row]:
    """40 % of the peak all the time, and 160 % more in the middle."""
    plan = bench.plan
    calm, surge, after = plan.either(2, 5), plan.either(2, 10), plan.either(4, 15)
    pids = [bench.verifier.process_id]
    give_up, peak = GIVE_UP_MILLISECONDS, bench.peak()
    steady = Load(calm + surge + after, plan.warm_up, rate=peak * 0.4, give_up_milliseconds=give_up)
    more = Load(surge, 0, rate=peak * 1.6, give_up_milliseconds=give_up, streams=256)
    running = bench.generator.begin("recovery-steady", bench.scans(), steady, pids)
    started = time.monotonic() + plan.warm_up
    bench.pause(plan.warm_up + calm)
    bench.generator.run("recovery-surge", bench.scans(), more, pids)
    surge_ended = time.monotonic() - started
    timeline = running.result().json["timeline"]
    before = max(row[-1] for row in timeline if row[0] <= calm)
    bench.pictures["recovery"] = {"timeline": timeline, "surge": [calm, surge_ended]}
    seconds = recovered_after(timeline, surge_ended, min(25_000, max(1_000, 2 * before)))
    note = f"p99 before the surge {before / 1_000:.2f} ms"
    goal = at_most(5, "s")
    return [Row("overload-recovery", "p99 is back after", seconds, "s", goal=goal, note=note)]


def priority(bench: Bench) -> list[Row]:
    """Twice the peak of now, 40 % of it for a hospital and 60 % for pools: what the hospital alone
    asks for is within what one core can do, if the machine stays as fast as it is."""
    scan = {
        "method": "POST",
        "path": "/v1/scans",
        "url": bench.verifier.clear_url,
        "corpus": str(bench.corpus),
        "form": "text",
        # Another scene accepts other colours, so that the corpus' outcomes are not those here.
        "check": "status",
        "connections": 8,
        "streams": 256,
    }
    pool = bench.headers("point", citycode_scene="pool")
    classes = [
        {**scan, "name": "high", "weight": 40, "headers": bench.headers("hospital")},
        {**scan, "name": "low", "weight": 60, "headers": pool},
    ]
    load = Load(
        bench.plan.either(3, 20),
        bench.plan.warm_up,
        rate=2 * bench.peak_now(),
        give_up_milliseconds=GIVE_UP_MILLISECONDS,
    )
    pids = [bench.verifier.process_id]
    result = bench.generator.run("priority", bench.mix("priority", classes), load, pids)
    missed = {name: 100 * (1 - served(one)) for name, one in result.json["classes"].items()}
    note = f"of the low class {missed['low']:.1f} % was not answered"
    goal = Goal("ours", "at most", 0, "%")
    name = "overload-priority"
    return [
        Row(name, "high class unanswered", missed["high"], "%", goal=goal, note=note),
        Row(name, "low class unanswered", missed["low"], "%"),
    ]


def served(one: dict[str, Any]) -> float:
    """The share of a class that was answered."""
    wanted = int(one["sent"]) + int(one["unsent"])
    return int(one["ok"]) / wanted if wanted else 0


SCENARIOS = (
    Scenario("overload-sweep", "10 to 300 % of the peak", 12, 60, sweep),
    Scenario("overload-200", "twice the peak", 5, 70, overload_200),
    Scenario("overload-1000", "ten times the peak", 6, 614, overload_1000),
    Scenario("overload-recovery", "back to normal after a surge", 9, 35, recovery),
    Scenario("retry-storm", "three retries at once at twice the peak", 3, 29, retry_storm),
    Scenario("overload-priority", "important scenes first", 3, 23, priority),
)

"""What a scan costs as the city grows."""

from __future__ import annotations

from dataclasses import replace

from ..bench import Bench, Scenario
from ..measure import Sample
from ..rows import Row, Spread


def populations(bench: Bench) -> list[Row]:
    """One world after the other; the last, largest one stays up for all other scenarios."""
    costs: list[tuple[int, Spread]] = []
    for people in bench.plan.populations:
        bench.use_world(people)
        subject = bench.scan_subject()
        samples = [
            subject.measure(f"population-{people}", bench.plan.seconds, bench.plan.warm_up)
            for _ in range(bench.plan.runs)
        ]
        costs.append((people, Spread.of([microseconds(one) for one in samples])))
    bench.pictures["growth"] = [
        {"people": people, "us": cost.median, "least": cost.least, "most": cost.most}
        for people, cost in costs
    ]
    first = costs[0][1].median
    rows = [
        Row(
            "populations",
            f"{people:,} people",
            cost.median,
            "µs",
            runs=bench.plan.runs,
            note=f"processor time of a scan, {cost.least:.2f} to {cost.most:.2f}",
        )
        for people, cost in costs
    ]
    base = rows[0]
    return [base] + [
        replace(row, peer=first, peer_name=base.measure, ratio=(row.ours or 0) / first)
        for row in rows[1:]
    ]


def microseconds(sample: Sample) -> float:
    return 1e6 / (sample.per_cpu_second or sample.per_second)


SCENARIOS = (Scenario("populations", "cost of a scan against people", 12, 150, populations),)

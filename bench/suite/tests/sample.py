"""A made-up results.json, for tests and for looking at the report's pictures."""

from __future__ import annotations

import math
from typing import Any

from ..measure import Comparison, Sample
from ..rows import Row, at_most, failure, ratio_at_least


def rows() -> list[Row]:
    def against(peer: str, theirs: float, goal: float | None) -> Row:
        pairs = Comparison(
            peer,
            [Sample(113_000 + 900 * run, 115_000, 0.99) for run in range(5)],
            [Sample(theirs + 1_100 * run, theirs, 0.99) for run in range(5)],
        )
        return pairs.row("scan-text", "scans/s", ratio_at_least(goal) if goal else None)

    return [
        against("nghttpd-post", 118_000, 1.0),
        against("nginx", 81_000, None),
        against("hummingbird", 9_400, None),
        Row("latency-50", "p50", 0.141, "ms", goal=at_most(0.2, "ms")),
        Row("latency-50", "p99", 1.0004, "ms", goal=at_most(1, "ms"), note="a < b & c"),
        failure("scan-tls", 'nghttpd <did not> "start"'),
    ]


def results() -> dict[str, Any]:
    peak = 114_000.0
    shares = (10, 25, 50, 75, 90, 100, 125, 150, 200, 300)
    points = [
        {
            "percent": share,
            "offered": peak * share / 100,
            "answered": min(peak * share / 100, peak * 0.97),
            "refused": max(0.0, peak * share / 100 - peak * 0.97),
            "unsent": max(0.0, peak * share / 1_000 - 15_000),
            "p99_ms": 0.3 if share < 90 else 4 + share / 25,
        }
        for share in shares
    ]
    percentiles = [100 * (1 - 2.0**-step) for step in range(1, 15)]
    curve = [[one, 90 * (1 - math.log10(1 - one / 100 + 1e-9)) ** 2] for one in percentiles]
    return {
        "machine": {
            "cpu": "a processor",
            "date": "2026-11-24T12:00:00+00:00",
            "commit": "abc1234",
            "cores": 2,
            "versions": {"swift": "6.3.1", "openssl": "3.0"},
        },
        "quick": True,
        "people": 1_000_000,
        "seconds": 171,
        "void": "",
        "rows": [row.json() for row in rows()],
        "pictures": {
            "latency": {"50 % of peak": curve, "256 gates": [[p, us * 3] for p, us in curve]},
            "sweep": {"peak": peak, "points": points},
            "growth": [
                {"people": 10_000, "us": 8.1, "least": 8.0, "most": 8.3},
                {"people": 1_000_000, "us": 8.4, "least": 8.3, "most": 8.8},
                {"people": 34_000_000, "us": 8.9, "least": 8.7, "most": 9.4},
            ],
        },
    }

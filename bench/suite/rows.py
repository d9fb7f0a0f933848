"""What a measurement says: rows, goals, verdicts and the arithmetic behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

Verdict = Literal["meets the goal", "short of the goal", "no goal", "failed"]

MEETS: Final = "meets the goal"
SHORT: Final = "short of the goal"
NO_GOAL: Final = "no goal"
FAILED: Final = "failed"


@dataclass(frozen=True)
class Goal:
    """A bound that a row's ratio, or its own value, must keep."""

    of: Literal["ratio", "ours"]
    direction: Literal["at least", "at most"]
    limit: float
    unit: str = ""

    def __str__(self) -> str:
        sign = "≥" if self.direction == "at least" else "≤"
        subject = f"{self.of} " if self.of == "ratio" else ""
        return f"{subject}{sign} {self.limit:g} {self.unit}".strip()

    def is_met(self, value: float) -> bool:
        """Compares as measured: nothing is rounded before."""
        if math.isnan(value):
            return False
        return value >= self.limit if self.direction == "at least" else value <= self.limit


def ratio_at_least(limit: float) -> Goal:
    return Goal("ratio", "at least", limit)


def at_most(limit: float, unit: str) -> Goal:
    return Goal("ours", "at most", limit, unit)


@dataclass(frozen=True)
class Spread:
    """The median of some runs and the range they lie in."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: list[float]) -> Spread:
        if not values:
            raise ValueError("no runs, no median")
        return Spread(median(values), min(values), max(values))


def pairwise(ours: list[float], theirs: list[float]) -> list[float]:
    """The ratio of each run of ours to the peer's run beside it."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} runs of ours, {len(theirs)} of the peer")
    if min(theirs, default=0) <= 0:
        raise ValueError("a run of the peer measured nothing")
    return [our / their for our, their in zip(ours, theirs)]


@dataclass(frozen=True)
class Row:
    """One line of results.json and of the table."""

    scenario: str
    measure: str
    ours: float | None
    unit: str
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None
    runs: int = 1
    goal: Goal | None = None
    note: str = ""
    failed: bool = False
    # The same by seconds of the server's processor instead of the clock, where that is known.
    cpu_ours: float | None = None
    cpu_peer: float | None = None
    cpu_ratio: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.failed:
            return FAILED
        if self.goal is None:
            return NO_GOAL
        value = self.ratio if self.goal.of == "ratio" else self.ours
        return MEETS if value is not None and self.goal.is_met(value) else SHORT

    def json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "measure": self.measure,
            "ours": finite(self.ours),
            "unit": self.unit,
            "peer": finite(self.peer),
            "peer_name": self.peer_name,
            "ratio": finite(self.ratio),
            "ratio_min": finite(self.ratio_min),
            "ratio_max": finite(self.ratio_max),
            "runs": self.runs,
            "goal": str(self.goal) if self.goal else "",
            "verdict": self.verdict,
            "note": self.note,
            "cpu_ours": finite(self.cpu_ours),
            "cpu_peer": finite(self.cpu_peer),
            "cpu_ratio": finite(self.cpu_ratio),
            "shown": self.shown(),
        }

    def shown(self) -> dict[str, str]:
        """The figures as people read them."""
        goal, of = self.goal, self.goal.of if self.goal else ""
        return {
            "ours": shown(self.ours, goal if of == "ours" else None),
            "peer": shown(self.peer),
            "ratio": shown(self.ratio, goal if of == "ratio" else None),
        }


def finite(value: float | None) -> float | None:
    """JSON has no infinity: nothing was answered, so there is no figure."""
    return value if value is not None and math.isfinite(value) else None


def failure(scenario: str, reason: str) -> Row:
    """The row of a scenario that could not be measured."""
    return Row(scenario, "", None, "", note=reason, failed=True)


def shown(value: float | None, goal: Goal | None = None) -> str:
    """A number for people, with three digits or so; rounded against us where a goal is near."""
    if value is None:
        return ""
    if math.isnan(value) or math.isinf(value):
        return "?"
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    scale = 10**digits
    scaled = round(value * scale, 6)
    if goal is not None and goal.direction == "at least":
        scaled = math.floor(scaled)
    elif goal is not None:
        scaled = math.ceil(scaled)
    return f"{round(scaled) / scale:,.{digits}f}"

"""How long and how often things are measured, and how much time is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """The figures of a full or a quick run."""

    quick: bool
    people: int
    populations: tuple[int, ...]
    runs: int
    seconds: float
    side_seconds: float
    warm_up: float
    codes: int
    out: Path
    limit_seconds: float

    def either(self, quick: float, full: float) -> float:
        return quick if self.quick else full

    @staticmethod
    def make(quick: bool, out: Path, people: int | None, runs: int | None) -> Plan:
        size = people or (1_000_000 if quick else 34_000_000)
        smaller = (10_000,) if quick else (10_000, 1_000_000)
        return Plan(
            quick=quick,
            people=size,
            populations=tuple(count for count in smaller if count < size) + (size,),
            runs=runs or (3 if quick else 5),
            seconds=0.6 if quick else 3,
            side_seconds=0.3 if quick else 2,
            warm_up=0.2 if quick else 1,
            codes=20_000 if quick else 100_000,
            out=out,
            # Planned are 180 and 1,800: a slow machine takes longer to make 34 million people.
            limit_seconds=180 if quick else 2_100,
        )


@dataclass
class Clock:
    """The time a whole run may take, counted after the build."""

    limit_seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        return self.limit_seconds - self.spent


def clock_text(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"

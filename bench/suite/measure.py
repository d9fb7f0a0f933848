"""Interleaved measurements of two things, run by run beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .loadgen import Load, LoadGenerator, Request, Result
from .rows import Goal, Row, Spread, pairwise

# Below this share of its core the server was waiting, or others had its core.
BUSY_AT_LEAST = 0.95


@dataclass(frozen=True)
class Sample:
    """One run: what was done a second of wall clock, and a second of the server's processor."""

    per_second: float
    per_cpu_second: float | None = None
    busy: float | None = None
    generator_busy: float | None = None

    @staticmethod
    def of(result: Result, factor: float = 1) -> Sample:
        cpu = result.per_cpu_second
        return Sample(
            result.per_second * factor, cpu and cpu * factor, result.busy, result.generator_busy
        )

    @property
    def was_limited_elsewhere(self) -> bool:
        return self.busy is not None and self.busy < BUSY_AT_LEAST

    @property
    def limit(self) -> str:
        """What kept the server from using its core."""
        if self.generator_busy is None or self.generator_busy >= BUSY_AT_LEAST - 0.1:
            return "the generator was the bottleneck in some runs"
        return "neither server nor generator filled its core in some runs: a busy machine?"


class Subject(Protocol):
    """Something whose speed can be measured again and again."""

    @property
    def name(self) -> str: ...

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample: ...


@dataclass(frozen=True)
class LoadSubject:
    """A server under the generator's closed loop."""

    name: str
    generator: LoadGenerator
    request: Request
    pids: list[int]
    factor: float = 1
    connections: int = 16
    streams: int = 32

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample:
        load = Load(seconds, warm_up, connections=self.connections, streams=self.streams)
        result = self.generator.run(label, self.request, load, self.pids)
        if result.count("sent") == 0:
            # The generator got no turn on its core: nothing was measured, good or bad.
            result = self.generator.run(label, self.request, load, self.pids)
        return Sample.of(result, self.factor)


@dataclass
class Comparison:
    """Runs of ours and of a peer, each of ours followed by one of the peer."""

    peer_name: str
    ours: list[Sample] = field(default_factory=list)
    theirs: list[Sample] = field(default_factory=list)

    def row(self, scenario: str, unit: str, goal: Goal | None, note: str = "") -> Row:
        """The row of this comparison.

        The ratio is that of the wall clock; where the generator limited a run, that of the
        processor's seconds when it is lower, so that a slow generator never makes things equal.
        """
        wall = pairwise(
            [one.per_second for one in self.ours], [one.per_second for one in self.theirs]
        )
        notes = [note] if note else []
        ratio, cpu = Spread.of(wall), self._cpu_ratio()
        limits = {one.limit for one in [*self.ours, *self.theirs] if one.was_limited_elsewhere}
        notes += sorted(limits)
        if limits and cpu is not None and cpu.median < ratio.median:
            ratio = cpu
            notes.append("the ratio is that of processor seconds, the lower one")
        return Row(
            scenario,
            unit,
            Spread.of([one.per_second for one in self.ours]).median,
            unit,
            Spread.of([one.per_second for one in self.theirs]).median,
            self.peer_name,
            ratio.median,
            ratio.least,
            ratio.most,
            len(wall),
            goal,
            "; ".join(notes),
            cpu_ours=median_of([one.per_cpu_second for one in self.ours]),
            cpu_peer=median_of([one.per_cpu_second for one in self.theirs]),
            cpu_ratio=cpu.median if cpu else None,
        )

    def _cpu_ratio(self) -> Spread | None:
        ours = [one.per_cpu_second for one in self.ours if one.per_cpu_second]
        theirs = [one.per_cpu_second for one in self.theirs if one.per_cpu_second]
        if len(ours) != len(self.ours) or len(theirs) != len(self.theirs):
            return None
        return Spread.of(pairwise(ours, theirs))


def median_of(values: list[float | None]) -> float | None:
    known = [one for one in values if one]
    return Spread.of(known).median if known else None


def compare(
    scenario: str, ours: Subject, theirs: Subject, runs: int, seconds: float, warm_up: float
) -> Comparison:
    """Ours, theirs, ours, theirs ..."""
    comparison = Comparison(theirs.name)
    for _ in range(runs):
        for subject, samples in ((ours, comparison.ours), (theirs, comparison.theirs)):
            label = f"{scenario}-{subject.name}".replace(" ", "-").replace("/", "-")
            samples.append(subject.measure(label, seconds, warm_up))
    return comparison

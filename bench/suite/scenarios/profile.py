"""Where the time of a scan goes, by perf: a table in the report and a file beside it."""

from __future__ import annotations

import re

from ..bench import Bench, Scenario
from ..loadgen import Load
from ..rows import Row

PACKAGE = "linux-perf"
LINE = re.compile(r"^\s*([\d.]+)%\s+(.+?)\s*$")
# Names that a reader knows, of what the kernel calls the objects.
OBJECTS = (
    ("verifier", "CityCode"),
    ("[kernel", "kernel"),
    ("liblmdb", "liblmdb"),
    ("libcrypto", "libcrypto"),
    ("libnghttp2", "libnghttp2"),
    ("libc.", "libc"),
)

# Release builds hold Swift's runtime, so its functions are told apart by their names.
RUNTIME = re.compile(r"\[\.\] _?swift_")


def shares(text: str) -> list[tuple[str, float]]:
    """The lines of `perf report`, largest first, as names and percent."""
    found = (LINE.match(line) for line in text.splitlines() if not line.startswith("#"))
    return [(one[2], float(one[1])) for one in found if one]


def known(name: str) -> str:
    """Whose the time of an object's function is."""
    if RUNTIME.search(name):
        return "Swift's runtime"
    return next((shown for part, shown in OBJECTS if name.startswith(part)), "other")


def sampled(bench: Bench, load: Load, seconds: float, file: str) -> str:
    """Samples the verifier under `load`: the shares of functions; in `file` also of objects. The
    times are of wall clock, so that no hardware counters are needed."""
    pid = bench.verifier.process_id
    running = bench.generator.begin("profile", bench.scans(), load, [pid])
    bench.pause(bench.plan.warm_up + 0.5)
    data = bench.world.directory / "perf.data"
    record = ["perf", "record", "-e", "cpu-clock", "-F", "2000", "-o", str(data), "-p", str(pid)]
    bench.children.run([*record, "sleep", str(seconds)], seconds + 30)
    running.result()

    def report(key: str) -> str:
        words = ["perf", "report", "-i", str(data), "--stdio", "--no-children", "--sort", key]
        return bench.children.run(words, 120)[1]

    objects, symbols = report("dso"), report("dso,symbol")
    (bench.plan.out / file).write_text(objects + symbols)
    return symbols


def by_owner(symbols: str) -> list[tuple[str, float]]:
    sums: dict[str, float] = {}
    for name, percent in shares(symbols):
        sums[known(name)] = sums.get(known(name), 0) + percent
    return sorted(sums.items(), key=lambda one: -one[1])


def profile(bench: Bench) -> list[Row]:
    """Under a closed loop of text scans; in the full run also with one request in flight of each of
    256 gates, where the price of a packet shows."""
    bench.peers.described.install([PACKAGE])
    seconds = bench.plan.either(1, 4)
    load = Load(seconds + 2, bench.plan.warm_up)
    symbols = sampled(bench, load, seconds, "profile.txt")
    ordered = by_owner(symbols)
    bench.pictures["profile"] = {"objects": ordered, "symbols": shares(symbols)[:30]}
    note = "the most expensive functions are in profile.txt"
    rows = [Row("profile", f"time in {name}", share, "%", note=note) for name, share in ordered]
    if not bench.plan.quick:
        gates = Load(4, bench.plan.warm_up, connections=256, streams=1)
        gates_symbols = sampled(bench, gates, 2, "profile-gates.txt")
        note = "the most expensive functions are in profile-gates.txt"
        rows += [
            Row("profile", f"256 gates: time in {name}", share, "%", note=note)
            for name, share in by_owner(gates_symbols)
        ]
    return rows


SCENARIOS = (Scenario("profile", "where the time of a scan goes", 4, 14, profile),)

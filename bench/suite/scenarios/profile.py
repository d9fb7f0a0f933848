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
    ("libswift", "Swift's runtime"),
    ("libcrypto", "libcrypto"),
    ("libnghttp2", "libnghttp2"),
    ("libc.", "libc"),
)


def shares(text: str) -> list[tuple[str, float]]:
    """The lines of `perf report`, largest first, as names and percent."""
    found = (LINE.match(line) for line in text.splitlines() if not line.startswith("#"))
    return [(one[2], float(one[1])) for one in found if one]


def known(name: str) -> str:
    return next((shown for part, shown in OBJECTS if name.startswith(part)), "other")


def profile(bench: Bench) -> list[Row]:
    """Samples the verifier under a closed loop of text scans; the times are of wall clock, so that
    no hardware counters are needed."""
    bench.peers.described.install([PACKAGE])
    seconds = bench.plan.either(1, 4)
    pid = bench.verifier.process_id
    load = Load(seconds + 2, bench.plan.warm_up)
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
    (bench.plan.out / "profile.txt").write_text(objects + symbols)
    sums: dict[str, float] = {}
    for name, percent in shares(objects):
        sums[known(name)] = sums.get(known(name), 0) + percent
    ordered = sorted(sums.items(), key=lambda one: -one[1])
    bench.pictures["profile"] = {"objects": ordered, "symbols": shares(symbols)[:30]}
    note = "the most expensive functions are in profile.txt"
    return [Row("profile", f"time in {name}", share, "%", note=note) for name, share in ordered]


SCENARIOS = (Scenario("profile", "where the time of a scan goes", 4, 14, profile),)

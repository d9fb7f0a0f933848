"""The command line of bench/bulk/run."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from suite.machine import describe
from suite.rows import Goal, Row, Spread, pairwise
from suite.table import table

from . import check
from .duckdb_peer import VERSION, DuckDB
from .measured import Cost, Failed
from .page import page
from .sources import group_by
from .switching import Switching
from .world import World, read_through, size

ROOT = Path(__file__).resolve().parents[2]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/bulk/run",
        description="Computes generations from raw records and measures it against DuckDB's "
        "group-by over the same files; checks every colour with SQL of its own.",
        epilog="examples: bench/bulk/run --people 200000 --millions 1 --runs 3 | "
        "bench/bulk/run --check-only --millions 20 | bench/bulk/run --report .bench/bulk/results",
    )
    millions = "sizes in million rows, run in this order; default: 1 5 20 100"
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 5, 20, 100], help=millions)
    parser.add_argument("--people", type=int, default=34_000_000, metavar="N", help="registered")
    runs = "runs of each side up to 20 million rows, one beyond; default 5"
    parser.add_argument("--runs", type=int, default=5, metavar="N", help=runs)
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of each side")
    parser.add_argument("--check", type=float, metavar="M", help="check at M million rows too")
    parser.add_argument("--check-only", action="store_true", help="check all sizes, measure none")
    switching = "instead: switch M million rows' generations under 8,000 scans a second"
    parser.add_argument("--switching", type=float, metavar="M", help=switching)
    parser.add_argument("--no-build", action="store_true", help="use what is there")
    parser.add_argument("--keep", action="store_true", help="leave people and records on the disk")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="default: .bench/bulk")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: .bench/bulk/results")
    parser.add_argument("--report", type=Path, metavar="DIR", help="only write the report anew")
    return parser.parse_args(arguments)


def say(text: str) -> None:
    print(text, flush=True)


@dataclass
class Point:
    """What was measured at one size."""

    records: int
    bytes: int
    ours: list[Cost] = field(default_factory=list)
    activation: list[Cost] = field(default_factory=list)
    peer: list[Cost] = field(default_factory=list)
    peer_seconds: list[float] = field(default_factory=list)

    @property
    def our_seconds(self) -> list[float]:
        return [one.seconds + two.seconds for one, two in zip(self.ours, self.activation)]

    @property
    def our_memory(self) -> list[float]:
        costs = zip(self.ours, self.activation)
        return [float(max(one.memory_bytes, two.memory_bytes)) for one, two in costs]

    @property
    def peer_memory(self) -> list[float]:
        return [float(one.memory_bytes) for one in self.peer]

    def json(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "bytes": self.bytes,
            "ours_seconds": median(self.our_seconds),
            "peer_seconds": median(self.peer_seconds),
            "ours_memory": median(self.our_memory),
            "peer_memory": median(self.peer_memory),
            "ours_seconds_all": self.our_seconds,
            "peer_seconds_all": self.peer_seconds,
            "activation_seconds_all": [one.seconds for one in self.activation],
            "ours_processor_seconds_all": [one.processor_seconds for one in self.ours],
            "peer_processor_seconds_all": [one.processor_seconds for one in self.peer],
            "ours_resident_all": [one.resident_bytes for one in self.ours],
            "peer_resident_all": [one.resident_bytes for one in self.peer],
        }

    def rows(self) -> list[Row]:
        millions = f"{self.records / 1e6:g} M rows"
        rate = self.records / 1e6 / median(self.our_seconds)
        resident = median([float(one.resident_bytes) for one in self.ours]) / 2**20
        notes = (
            f"{self.bytes / 1e9:.2f} GB of files; {rate:.2f} million rows a second; activation "
            f"{median([one.seconds for one in self.activation]):.2f} s of it",
            f"with pages of mapped files {resident:,.0f} MiB of ours",
        )
        return [
            _row(f"compute {millions}", "s", self.our_seconds, self.peer_seconds, 0.5, notes[0]),
            _row(
                f"memory {millions}", "MiB", [one / 2**20 for one in self.our_memory],
                [one / 2**20 for one in self.peer_memory], 1, notes[1],
            ),
        ]  # fmt: skip


def _row(
    scenario: str, unit: str, ours: list[float], peer: list[float], limit: float, note: str
) -> Row:
    ratios = Spread.of(pairwise(ours, peer))
    return Row(
        scenario, unit, median(ours), unit, median(peer), "DuckDB group-by", ratios.median,
        ratios.least, ratios.most, len(ours), Goal("ratio", "at most", limit), note,
    )  # fmt: skip


def measure(world: World, duckdb: DuckDB, records: int, runs: int, threads: int) -> Point:
    """Both in turn; before each the kernel has what it reads in its memory, where that fits."""
    folder = world.make_records(records)
    point = Point(records, size(folder))
    query = group_by(folder)
    for run in range(runs):
        read_through([*sorted(folder.rglob("*.csv*")), world.registry])
        cost, number = world.compute(folder, threads)
        point.ours.append(cost)
        point.activation.append(world.activate(number))
        read_through(sorted(folder.rglob("*.csv*")))
        peer, answer = duckdb.run([query], threads)
        point.peer.append(peer)
        # Without the start of Python, which is not DuckDB's fault.
        point.peer_seconds.append(answer["seconds"])
        say(
            f"  {run + 1}/{runs}: {point.our_seconds[-1]:.1f} s against "
            f"{point.peer_seconds[-1]:.1f} s, {point.our_memory[-1] / 2**20:,.0f} MiB against "
            f"{point.peer_memory[-1] / 2**20:,.0f} MiB"
        )
    return point


def checked(world: World, duckdb: DuckDB, records: int, threads: int) -> Row:
    """Everyone's colour against that of the SQL script."""
    folder = world.make_records(records)
    say(f"checking every colour of {records:,} records")
    _, number = world.compute(folder, threads)
    colours = world.export(number)
    found = check.run(
        duckdb, folder, world.people_file, colours, world.directory, threads
    )
    colours.unlink()
    note = f"all of {found.people:,} people have the colour and reason that SQL of its own gives"
    if found.different or found.people != world.people:
        note = f"of {found.people:,} people {found.different:,} differ: {found.example}"
    failed = found.different > 0 or found.people != world.people
    say(f"  {note}; {found.seconds:.0f} s")
    return Row(
        f"check {records / 1e6:g} M rows", "people who differ", float(found.different), "people",
        goal=Goal("ours", "at most", 0, "people"), note=note, failed=failed,
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    if chosen.report is not None:
        results = json.loads((chosen.report / "results.json").read_text())
        (chosen.report / "report.html").write_text(page(results))
        return 0
    directory = (chosen.directory or ROOT / ".bench" / "bulk").resolve()
    out = (chosen.out or directory / "results").resolve()
    if not chosen.no_build:
        subprocess.run(["make", "--no-print-directory", "build"], cwd=ROOT, check=True)
    if chosen.switching:
        return _switch(chosen, directory, out)
    world = World(
        directory / "world",
        ROOT / ".build" / "release" / "issuer",
        ROOT / "deploy" / "plans" / "city-2020.yaml",
        chosen.people,
        say,
    )
    try:
        return _run(chosen, world, directory, out)
    except Failed as error:
        print(f"bench/bulk/run: {error}", file=sys.stderr)
        return 1
    finally:
        if not chosen.keep:
            shutil.rmtree(world.directory, ignore_errors=True)


def _switch(chosen: argparse.Namespace, directory: Path, out: Path) -> int:
    """P-24, in the demo's world."""
    folder = directory / "switching"
    records = int(chosen.switching * 1_000_000)
    try:
        rows = Switching(ROOT, folder, chosen.people, records, 30, say).run()
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return _write(chosen, describe(ROOT, {}), rows, [], out)


def _run(chosen: argparse.Namespace, world: World, directory: Path, out: Path) -> int:
    world.make()
    duckdb = DuckDB(directory, world.log)
    duckdb.prepare()
    machine = describe(ROOT, {"duckdb": VERSION})
    machine["pinning"] = f"none: {chosen.threads} threads of each side, one side at a time"
    points, rows = [], []
    for millions in chosen.millions:
        records = int(millions * 1_000_000)
        if not chosen.check_only:
            say(f"{records:,} records, {chosen.people:,} people")
            runs = chosen.runs if millions <= 20 else 1
            points.append(measure(world, duckdb, records, runs, chosen.threads))
            rows += points[-1].rows()
        if chosen.check_only or chosen.check == millions:
            rows.append(checked(world, duckdb, records, chosen.threads))
        if not chosen.keep:
            shutil.rmtree(world.records(records), ignore_errors=True)
    return _write(chosen, machine, rows, points, out)


def _write(
    chosen: argparse.Namespace,
    machine: dict[str, Any],
    rows: list[Row],
    points: list[Point],
    out: Path,
) -> int:
    say(table(rows))
    results = {
        "people": chosen.people,
        "threads": chosen.threads,
        "machine": machine,
        "rows": [row.json() for row in rows],
        "points": [point.json() for point in points],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (out / "report.html").write_text(page(results))
    say(f"wrote {out}/results.json and report.html")
    return 1 if any(row.failed for row in rows) else 0

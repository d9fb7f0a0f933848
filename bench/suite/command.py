"""The command line of bench/run."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import readme, report
from .bench import Bench, Scenario
from .children import Children
from .loadgen import LoadGenerator, WrongAnswer
from .machine import describe
from .peers import Peers
from .plan import Clock, Plan, clock_text
from .rows import FAILED, Row, failure
from .scenarios import ALL
from .table import table
from .world import World

ROOT = Path(__file__).resolve().parents[2]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Measures CityCode against its peers on this machine and writes a report. "
        "Installs what it needs, builds, makes its own world, and ends it.",
        epilog="examples: bench/run --quick | bench/run --only scan-text --only latency-50 | "
        "bench/run --report .bench/results",
    )
    parser.add_argument("--quick", action="store_true", help="three minutes instead of thirty")
    parser.add_argument("--only", action="append", metavar="NAME", help="this scenario; repeatable")
    parser.add_argument("--list", action="store_true", help="print the scenarios and end")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: .bench/results")
    parser.add_argument("--people", type=int, metavar="N", help="size of the world")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of each side")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="longest time; what has no time left fails"
    )
    parser.add_argument(
        "--no-build", action="store_true", help="neither install nor build: use what is there"
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="only write DIR/report.html anew"
    )
    parser.add_argument(
        "--readme", type=Path, metavar="DIR", help="only put DIR's losses into bench/README.md"
    )
    return parser.parse_args(arguments)


def chosen(names: list[str] | None) -> list[Scenario]:
    if not names:
        return list(ALL)
    known = {scenario.name for scenario in ALL}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"bench/run: no scenario {', '.join(unknown)}; see bench/run --list")
    return [scenario for scenario in ALL if scenario.name in names]


def say(text: str) -> None:
    print(text, flush=True)


def prepare(peers: Peers, scenarios: list[Scenario]) -> None:
    """Installs and builds what these scenarios need; both say what they do."""
    subprocess.run([ROOT / "deploy" / "install-dependencies.sh", "--tests"], check=True)
    peers.prepare({name for one in scenarios for name in one.subjects}, say)
    say("building (release)")
    subprocess.run(["make", "--no-print-directory", "build"], cwd=ROOT, check=True)


def allow_many_connections() -> None:
    """Ten thousand connections need as many descriptors here, in the server and in between."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class Session:
    """One run of chosen scenarios: what was found, and whether it counts."""

    def __init__(self, bench: Bench, scenarios: list[Scenario]) -> None:
        self.bench = bench
        self.scenarios = scenarios
        self.rows: list[Row] = []
        self.void = ""
        self.clock = Clock(bench.plan.limit_seconds)

    def run(self) -> None:
        """All scenarios in turn; a failure is a row, a wrong answer the end."""
        for number, scenario in enumerate(self.scenarios, 1):
            left = clock_text(self.clock.left)
            say(f"[{number}/{len(self.scenarios)}] {scenario.name}: {scenario.shows} ({left} left)")
            started = time.monotonic()
            rows = self._measure(scenario)
            self.rows += rows
            for row in rows:
                say("    " + table([row]).splitlines()[1])
            spent = time.monotonic() - started
            budget = scenario.budget(self.bench.plan)
            if spent > budget * 1.5 + 5:
                say(f"    took {spent:.0f} s, planned were {budget:.0f} s")
            if self.void:
                return

    def _measure(self, scenario: Scenario) -> list[Row]:
        if self.clock.left < 0:
            return [failure(scenario.name, "no time was left for it")]
        try:
            if scenario.name != "populations":
                self.bench.use_world(self.bench.plan.people)
            return scenario.measure(self.bench)
        except WrongAnswer as error:
            self.void = f"{scenario.name}: {error}"
            return [failure(scenario.name, f"void: {error}")]
        except Exception as error:  # the rest goes on
            return [failure(scenario.name, f"{error}" or type(error).__name__)]

    def results(self, machine: dict[str, object]) -> dict[str, Any]:
        return {
            "machine": machine,
            "quick": self.bench.plan.quick,
            "people": self.bench.plan.people,
            "seconds": round(self.clock.spent),
            "void": self.void,
            "rows": [row.json() for row in self.rows],
            "pictures": self.bench.pictures,
        }


def measure(plan: Plan, scenarios: list[Scenario], build: bool) -> int:
    raw = plan.out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in [*raw.glob("*.json"), *raw.glob("*.log"), *raw.glob("*.txt")]:
        file.unlink()
    with Children() as children:
        peers = Peers(ROOT)
        if build:
            prepare(peers, scenarios)
        program = ROOT / ".build" / "release" / "loadgen"
        generator = LoadGenerator(str(program), raw, children)
        world = World(ROOT, 0, children)
        bench = Bench(ROOT, plan, children, generator, peers, world, say)
        machine = describe(ROOT, peers.versions())
        session = Session(bench, scenarios)
        interrupted = False
        try:
            session.run()
        except KeyboardInterrupt:
            interrupted = True
            say("\nstopped; ending all processes")
        finally:
            bench.world.down()
        results = session.results(machine)
    write(results, plan.out)
    say("\n" + table(session.rows))
    say(f"\n{plan.out / 'results.json'}\n{plan.out / 'report.html'}")
    if session.void:
        say(f"VOID, nothing here counts: {session.void}")
    failed = any(row.verdict == FAILED for row in session.rows)
    return 130 if interrupted else 1 if failed or session.void else 0


def write(results: dict[str, Any], out: Path) -> None:
    (out / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (out / "report.html").write_text(report.page(results))


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.list:
        for scenario in ALL:
            print(f"{scenario.name:20} {scenario.shows}")
        return 0
    if options.report:
        write(json.loads((options.report / "results.json").read_text()), options.report)
        return 0
    if options.readme:
        found = json.loads((options.readme / "results.json").read_text())
        readme.rewrite(ROOT / "bench" / "README.md", found["rows"])
        return 0
    if (os.cpu_count() or 1) < 2:
        print("bench/run: two cores are needed: one for servers, one for load", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    allow_many_connections()
    out = (options.out or ROOT / ".bench" / "results").resolve()
    plan = Plan.make(options.quick, out, options.people, options.runs)
    if options.minutes:
        plan = replace(plan, limit_seconds=options.minutes * 60)
    return measure(plan, chosen(options.only), build=not options.no_build)

"""P-24: a generation is computed, activated and rolled back while gates scan."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable

from suite.bench import Bench
from suite.children import Children
from suite.loadgen import Load, LoadGenerator, Result
from suite.peers import Peers
from suite.plan import Plan
from suite.rows import Goal, Row
from suite.world import HOME, SERVER_CORE, World

SCANS_A_SECOND = 8_000
WARM_UP_SECONDS = 2.0
# What a server does is done on the servers' core; the generator's stands for gates elsewhere.
SERVERS = ("taskset", "-c", str(SERVER_CORE))


class IdleGroup:
    """The control group for what runs when nobody else wants to (cpu.idle, as systemd's
    CPUWeight=idle). The thread's class alone (chrt --idle) counts only among those of one session:
    Linux first shares the processor between sessions."""

    ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
    NAME = "citycode-bulk"

    def __init__(self) -> None:
        self.path: Path | None = None

    def __enter__(self) -> IdleGroup:
        for root in self.ROOTS:
            path = root / self.NAME
            try:
                path.mkdir(exist_ok=True)
                (path / "cpu.idle").write_text("1")
                self.path = path
                break
            except OSError:
                if path.is_dir():
                    path.rmdir()
        return self

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.path.rmdir()

    @property
    def before(self) -> tuple[str, ...]:
        """What a command is begun with to be in the group."""
        if self.path is None:
            return ("chrt", "--idle", "0")
        enter = f'echo $$ > {self.path}/cgroup.procs; exec "$@"'
        return ("sh", "-c", enter, "idle")


@dataclass
class Switching:
    """A world of `people` whose statuses are computed anew from `records` while it is scanned."""

    root: Path
    directory: Path
    people: int
    records: int
    quiet_seconds: float
    say: Callable[[str], None]

    def run(self) -> list[Row]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with Children() as children:
            loadgen = str(self.root / ".build" / "release" / "loadgen")
            generator = LoadGenerator(loadgen, self.directory, children)
            plan = Plan.make(False, self.directory, self.people, 1)
            bench = Bench(
                self.root, plan, children, generator, Peers(self.root),
                World(self.root, 0, children), self.say,
            )  # fmt: skip
            try:
                bench.use_world(self.people)
                return self._measure(bench)
            finally:
                bench.world.down()

    def _measure(self, bench: Bench) -> list[Row]:
        as_of = self._make_records(bench)
        taken, first = self._compute(bench, as_of, ())
        self.say(f"  computed in {taken:.0f} s with nothing beside it")
        pids = [bench.verifier.process_id]
        load = Load(self.quiet_seconds, WARM_UP_SECONDS, rate=SCANS_A_SECOND)
        quiet = bench.generator.run("quiet", bench.scans(), load, pids)
        # Time enough for all of it; what is left of it is quiet and must not count for much.
        seconds = 1.3 * taken + 10
        load = Load(seconds, WARM_UP_SECONDS, rate=SCANS_A_SECOND)
        running = bench.generator.begin("switching", bench.scans(), load, pids)
        started = time.monotonic()
        time.sleep(WARM_UP_SECONDS)
        with IdleGroup() as idle:
            _, second = self._compute(bench, as_of, idle.before)
        steps = [
            self._order(bench, "activate", first, "--accept-rejects"),
            self._order(bench, "activate", second, "--accept-rejects"),
            self._order(bench, "rollback"),
        ]
        busy = (time.monotonic() - started - WARM_UP_SECONDS) / seconds
        if busy > 1:
            self.say("  scans ended before the last switch: the machine was slower this time")
        result = running.result()
        return rows(quiet, result, steps, self.people, busy)

    # Steps

    def _make_records(self, bench: Bench) -> str:
        # The day's end that was: statuses must not have ended, and no record be of the future.
        now = datetime.now(timezone(timedelta(hours=8)))
        as_of = now.replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
        plan = (self.root / "deploy" / "plans" / "city-2020.yaml").read_text()
        (self.directory / "plan.yaml").write_text(all_green(plan))
        self.say(f"writing {self.records:,} records")
        self._issuer(
            bench, "sample-records", "--records", str(self.records),
            "--people", str(self.people), "--as-of", as_of, "--out", str(self._folder),
        )  # fmt: skip
        return as_of

    @property
    def _folder(self) -> Path:
        return self.directory / "records"

    def _compute(self, bench: Bench, as_of: str, before: tuple[str, ...]) -> tuple[float, str]:
        started = time.monotonic()
        text = self._issuer(
            bench, "compute", "--plan", str(self.directory / "plan.yaml"), "--records",
            str(self._folder), "--as-of", as_of, "--rejects", str(self.directory / "rejects.csv"),
            *self._config(bench), before=before,
        )  # fmt: skip
        return time.monotonic() - started, text.split()[-1]

    def _order(self, bench: Bench, *words: str) -> tuple[str, float, float]:
        """An order to the running issuer: its name, seconds, and milliseconds changes waited."""
        started = time.monotonic()
        text = self._issuer(bench, *words, *self._config(bench))
        seconds = time.monotonic() - started
        self.say(f"  {text.strip()}")
        return words[0], seconds, waited(text)

    def _config(self, bench: Bench) -> tuple[str, str]:
        return "--config", str(bench.world.directory / "world" / HOME / "issuer.json")

    def _issuer(self, bench: Bench, *words: str, before: tuple[str, ...] = ()) -> str:
        command = [*SERVERS, *before, bench.world.program("issuer"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"issuer {words[0]} failed: {done.stderr[-300:]}")
        return done.stdout


def all_green(plan: str) -> str:
    """The same rules, but nobody is turned away, so that the outcome of every scan is known."""
    return re.sub(r"colour: \w+", "colour: green", plan)


def waited(text: str) -> float:
    found = re.search(r"changes waited ([0-9.]+) ms", text)
    if found is None:
        raise RuntimeError(f"no switch in {text.strip()!r}")
    return float(found.group(1))


def rows(
    quiet: Result, busy: Result, steps: list[tuple[str, float, float]], people: int, share: float
) -> list[Row]:
    name = f"switch {people / 1e6:g} M people"
    lost = busy.count("lost", "errors", "unsent", "refused", "abandoned")
    p99, beside = busy.milliseconds("p99"), quiet.milliseconds("p99")
    note = (
        f"{busy.count('ok'):,} scans at {SCANS_A_SECOND:,}/s, each with the outcome it must have; "
        f"computing and switching took {share:.0%} of the time; longest {busy.milliseconds('max'):.1f} ms"
    )
    back = max(seconds for order, seconds, _ in steps if order == "rollback")
    return [
        Row(name, "p99 of scans", p99, "ms", beside, "nothing beside", p99 / beside if beside else None,
            goal=Goal("ratio", "at most", 2), note=note),
        Row(name, "scans lost", float(lost), "scans", goal=Goal("ours", "at most", 0, "scans")),
        Row(name, "changes waited", max(wait for _, _, wait in steps), "ms",
            goal=Goal("ours", "at most", 100, "ms"), note="the longest of two activations and a rollback"),
        Row(name, "rollback", back, "s", goal=Goal("ours", "at most", 5, "s")),
    ]  # fmt: skip

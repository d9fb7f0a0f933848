"""What operators do: restart, change a status, start."""

from __future__ import annotations

from dataclasses import replace

from ..bench import Bench, Scenario
from ..loadgen import Load
from ..rows import Goal, Row, Spread, at_most


def rolling_restart(bench: Bench) -> list[Row]:
    """Two verifiers on one address (share_port); each is restarted in turn while scans go on."""
    world = bench.world
    second = world.add_verifier_beside(bench.verifier)
    try:
        wanted = bench.plan.either(100_000, 1_000_000)
        rate = min(bench.peak() * 0.4, wanted / bench.plan.either(6, 20))
        seconds = wanted / rate
        request = bench.scans()
        pids = [world("relay").process_id]  # one that lives through it all
        load = Load(seconds, bench.plan.warm_up, rate=rate)
        running = bench.generator.begin("rolling-restart", request, load, pids)
        pauses = []
        for daemon in (bench.verifier, second):
            bench.pause(seconds / 4)
            pauses.append(world.restart(daemon))
        result = running.result()
    finally:
        world.remove_extra()
    lost = result.count("lost", "errors", "unsent")
    note = (
        f"{result.count('ok'):,} answered, {result.count('refused'):,} refused, "
        f"longest {result.milliseconds('max'):.0f} ms; starts took "
        + ", ".join(f"{one:.2f} s" for one in pauses)
    )
    goal = Goal("ours", "at most", 0, "lost")
    return [Row("rolling-restart", "requests lost", lost, "lost", goal=goal, note=note)]


def visibility(bench: Bench) -> list[Row]:
    """From the issuer's acknowledgement to the end of the first scan that knows, on the issuer's
    own host and on one that follows its feed."""
    host = bench.world.add_host()
    try:
        arguments = ["visibility", "--world-env", str(bench.world.environment_file)]
        arguments += ["--changes", str(round(bench.plan.either(50, 200)))]
        arguments += ["--second-verifier-url", host.url]
        result = bench.generator.call("visibility", arguments, 120)
    finally:
        bench.world.remove_extra()
    here, there = result.milliseconds("p99"), result.milliseconds("p99", "second_latency_us")
    return [
        Row("visibility", "same host, p99", here, "ms", goal=at_most(10, "ms")),
        Row("visibility", "other host, p99", there, "ms", goal=at_most(250, "ms")),
    ]


def start_up(bench: Bench) -> list[Row]:
    """From the start of the process to the first 200 of /readyz."""
    seconds = Spread.of([bench.world.restart(bench.verifier) for _ in range(bench.plan.runs)])
    note = f"{bench.world.people:,} people; {seconds.least:.3f} to {seconds.most:.3f} s"
    goal = at_most(0.1, "s")
    row = Row(
        "start-up",
        "start to ready",
        seconds.median,
        "s",
        runs=bench.plan.runs,
        goal=goal,
        note=note,
    )
    return [row]


def selftest(bench: Bench) -> list[Row]:
    """The generator must see a server that stands still for two seconds."""
    body = bench.world.directory / "one-code"
    body.write_text(bench.good_code)
    request = replace(bench.scans(), corpus=None, body_file=body, check="", bearer_file=None)
    bearer = f"authorization: Bearer {bench.token('point')}"
    arguments = ["selftest", *replace(request, options=("--header", bearer)).arguments()]
    arguments += ["--server-pid", str(bench.verifier.process_id)]
    result = bench.generator.call("selftest", arguments, 60)
    note = "the server was halted for 2 s in the middle; a generator that hides it would be wrong"
    seen = result.milliseconds("p99")
    return [Row("selftest", "p99 with a halted server", seen, "ms", note=note)]


SCENARIOS = (
    Scenario("rolling-restart", "restarts that lose nothing", 6, 32, rolling_restart),
    Scenario("visibility", "a change is seen", 5, 20, visibility),
    Scenario("start-up", "from start to ready", 1, 3, start_up),
    Scenario("selftest", "the generator sees a stop", 5, 8, selftest),
)

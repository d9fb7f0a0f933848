"""Connections: how fast they are made, and what one costs that says nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ..bench import Bench, Scenario
from ..measure import Sample
from ..rows import Row, at_most, failure
from .throughput import against

PEERS = ("nghttpd-tls", "nginx-tls")


@dataclass(frozen=True)
class HandshakeSubject:
    """TLS 1.3 handshakes a second at one server."""

    name: str
    bench: Bench
    url: str
    ca_file: str
    pids: list[int]
    resumed: bool

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample:
        arguments = ["handshakes", "--url", self.url, "--ca", self.ca_file, "--threads", "1"]
        arguments += ["--resumed"] if self.resumed else []
        arguments += ["--duration", f"{seconds:g}", "--warmup", f"{warm_up:g}"]
        arguments += [word for pid in self.pids for word in ("--server-pid", str(pid))]
        return Sample.of(self.bench.generator.call(label, arguments, seconds + 60))


def handshakes(bench: Bench, scenario: str, resumed: bool) -> list[Row]:
    """Without the limit that protects scans from a storm of handshakes: the peers have none."""
    bench.world.restart(bench.verifier, handshakes_per_second="0")
    try:
        return compared(bench, scenario, resumed)
    finally:
        bench.world.restart(bench.verifier)


def compared(bench: Bench, scenario: str, resumed: bool) -> list[Row]:
    ours = HandshakeSubject(
        "verifier",
        bench,
        bench.verifier.url,
        bench.world["CA_FILE"],
        [bench.verifier.process_id],
        resumed,
    )
    rows = []
    for name in PEERS:
        try:
            with bench.peers.subject(name, bench) as peer:
                theirs = HandshakeSubject(
                    peer.name, bench, peer.request.urls[0], peer.request.ca_file, peer.pids, resumed
                )
                row = against(bench, scenario, ours, theirs, "handshakes/s", None, is_side=True)
                rows.append(row)
        except Exception as error:  # a peer that cannot run is a row, not the end
            bench.reraise_if_void(error)
            rows.append(failure(scenario, f"{name}: {error}"))
    return rows


def handshakes_full(bench: Bench) -> list[Row]:
    return handshakes(bench, "handshakes-full", resumed=False)


def handshakes_resumed(bench: Bench) -> list[Row]:
    return handshakes(bench, "handshakes-resumed", resumed=True)


def idle_10000(bench: Bench) -> list[Row]:
    count = 10_000
    hold = bench.plan.either(2, 10)
    arguments = ["idle", "--url", bench.verifier.clear_url, "--connections", str(count)]
    arguments += ["--hold", f"{hold:g}", "--server-pid", str(bench.verifier.process_id)]
    result = bench.generator.call("idle-10000", arguments, 120)
    each = float(result.json["kib_per_connection"])
    goal = at_most(12, "KiB")
    return [Row("idle-10000", "memory a connection", each, "KiB", goal=goal)]


SCENARIOS = (
    Scenario("handshakes-full", "full TLS handshakes", 6, 50, handshakes_full, PEERS),
    Scenario("handshakes-resumed", "resumed TLS handshakes", 6, 50, handshakes_resumed, PEERS),
    Scenario("idle-10000", "memory of idle connections", 6, 20, idle_10000),
)

"""Calls the load generator (bench/loadgen) and reads what it measured."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .children import Children, CommandFailed
from .world import LOAD_CORE

WRONG_ANSWER = 3


class WrongAnswer(Exception):
    """An answer was not what the code called for: nothing measured beside it counts."""


@dataclass(frozen=True)
class Request:
    """What is sent: to where, with what, and how its answer is checked."""

    urls: tuple[str, ...] = ()
    path: str = "/v1/scans"
    method: str = "POST"
    headers: tuple[str, ...] = ()
    bearer_file: Path | None = None
    corpus: Path | None = None
    form: str = "text"
    body_file: Path | None = None
    mix: Path | None = None
    ca_file: str = ""
    check: str = "outcome"
    options: tuple[str, ...] = ()

    def to(self, *urls: str) -> Request:
        return replace(self, urls=urls)

    def arguments(self) -> list[str]:
        if self.mix is not None:
            return ["--mix", str(self.mix), *self._trust(), *self.options]
        words = [word for url in self.urls for word in ("--url", url)]
        words += ["--method", self.method, "--path", self.path, *self._trust()]
        words += [word for header in self.headers for word in ("--header", header)]
        if self.bearer_file:
            words += ["--bearer-file", str(self.bearer_file)]
        if self.corpus:
            words += ["--corpus", str(self.corpus), "--form", self.form]
        elif self.body_file:
            words += ["--body-file", str(self.body_file)]
        words += ["--check", self.check] if self.check else []
        return [*words, *self.options]

    def _trust(self) -> list[str]:
        return ["--ca", self.ca_file] if self.ca_file else []


@dataclass(frozen=True)
class Load:
    """How much is sent: as fast as answers come, or `rate` requests a second come what may."""

    seconds: float
    warm_up: float
    rate: float | None = None
    give_up_milliseconds: int | None = None
    connections: int = 16
    streams: int = 32
    retries: int = 0
    arrivals: str = "constant"

    def arguments(self) -> list[str]:
        words = ["--connections", str(self.connections), "--streams", str(self.streams)]
        words += ["--duration", f"{self.seconds:g}", "--warmup", f"{self.warm_up:g}"]
        if self.rate is None:
            return [*words, "--closed"]
        words += ["--rate", f"{self.rate:.0f}", "--arrivals", self.arrivals]
        if self.give_up_milliseconds is not None:
            words += ["--give-up-milliseconds", str(self.give_up_milliseconds)]
        return [*words, "--retries", str(self.retries)] if self.retries else words


@dataclass(frozen=True)
class Result:
    """One run of the generator, as its JSON has it."""

    json: dict[str, Any]

    def count(self, *names: str) -> int:
        return sum(int(self.json.get(name, 0)) for name in names)

    @property
    def per_second(self) -> float:
        return float(self.json["per_second"])

    @property
    def seconds(self) -> float:
        return float(self.json["seconds"])

    @property
    def offered(self) -> float:
        """Requests that really were due each second: less than asked when the generator lags."""
        return (self.count("sent", "unsent")) / self.seconds if self.seconds else 0

    @property
    def cpu_seconds(self) -> float:
        return sum(float(one["cpu_seconds"]) for one in self.json.get("server", []))

    @property
    def busy(self) -> float | None:
        """The share of the span that the servers, all on one core, spent computing."""
        return self.cpu_seconds / self.seconds if self.json.get("server") and self.seconds else None

    @property
    def generator_busy(self) -> float | None:
        own = self.json.get("generator", {}).get("cpu_seconds")
        return float(own) / self.seconds if own is not None and self.seconds else None

    @property
    def per_cpu_second(self) -> float | None:
        done = self.count("ok") or self.count("handshakes")
        return done / self.cpu_seconds if self.cpu_seconds > 0 else None

    def milliseconds(self, quantile: str, of: str = "latency_us") -> float:
        """Infinite when nothing was answered."""
        return float(self.json[of].get(quantile, math.inf)) / 1_000

    @property
    def curve(self) -> list[list[float]]:
        return list(self.json["latency_us"].get("curve", []))

    def rss_kib(self, which: str = "rss_kib") -> int:
        return sum(int(one.get(which, 0)) for one in self.json.get("server", []))


@dataclass
class Running:
    """A run of the generator under way."""

    process: subprocess.Popen[bytes]
    out: Path
    log: Path
    timeout: float

    def result(self) -> Result:
        try:
            status = self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise CommandFailed(["loadgen"], None, tail(self.log)) from None
        return read(self.out, status, tail(self.log))


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2_000:] if log.exists() else ""


def read(out: Path, status: int, output: str) -> Result:
    json_text = out.read_text() if out.exists() else ""
    if status == WRONG_ANSWER:
        wrong = json.loads(json_text).get("wrong", "some") if json_text else "some"
        raise WrongAnswer(f"{wrong} wrong answers, see {out.name}: {output.strip()[-200:]}")
    if status != 0 or not json_text:
        raise CommandFailed(["loadgen"], status, output)
    return Result(json.loads(json_text))


@dataclass
class LoadGenerator:
    """The generator, on its own core; its JSON files go to `raw`."""

    program: str
    raw: Path
    children: Children
    serial: dict[str, int] = field(default_factory=dict)

    def begin(self, label: str, request: Request, load: Load, pids: list[int]) -> Running:
        arguments = [
            "run",
            "--scenario",
            label,
            *request.arguments(),
            *load.arguments(),
            *self._pids(pids),
        ]
        return self._start(label, arguments, load.warm_up + load.seconds + 60)

    def run(self, label: str, request: Request, load: Load, pids: list[int]) -> Result:
        return self.begin(label, request, load, pids).result()

    def call(self, label: str, arguments: list[str], timeout: float) -> Result:
        """Any other subcommand that takes --json."""
        return self._start(label, arguments, timeout).result()

    def corpus(self, arguments: list[str], timeout: float) -> None:
        self.children.run([*self._pinned(), "corpus", *arguments], timeout=timeout)

    def _start(self, label: str, arguments: list[str], timeout: float) -> Running:
        number = self.serial[label] = self.serial.get(label, 0) + 1
        out = self.raw / f"{label}-{number}.json"
        log = self.raw / f"{label}-{number}.log"
        out.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        process = self.children.start([*self._pinned(), *arguments, "--json", str(out)], log)
        return Running(process, out, log, timeout)

    def _pinned(self) -> list[str]:
        return ["taskset", "-c", str(LOAD_CORE), self.program]

    @staticmethod
    def _pids(pids: list[int]) -> list[str]:
        return [word for pid in pids for word in ("--server-pid", str(pid))]

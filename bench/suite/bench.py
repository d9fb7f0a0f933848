"""What all scenarios work with: the world, the peers, the generator, and what was found so far."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .children import Children
from .loadgen import Load, LoadGenerator, Request, WrongAnswer
from .measure import LoadSubject
from .peers import Peers
from .plan import Plan
from .rows import Row
from .world import HOME, PARTNER, Daemon, World


@dataclass(frozen=True)
class Scenario:
    """One name of --only: what it shows, the seconds it may take, and what it measures beside."""

    name: str
    shows: str
    quick_seconds: float
    full_seconds: float
    measure: Callable[[Bench], list[Row]]
    subjects: tuple[str, ...] = ()

    def budget(self, plan: Plan) -> float:
        return plan.either(self.quick_seconds, self.full_seconds)


@dataclass
class Bench:
    root: Path
    plan: Plan
    children: Children
    generator: LoadGenerator
    peers: Peers
    world: World
    say: Callable[[str], None]
    pictures: dict[str, Any] = field(default_factory=dict)
    _peaks: dict[str, float] = field(default_factory=dict)

    # The world

    def use_world(self, people: int) -> None:
        """Makes the world of that size the one that is up."""
        if self.world.people == people and self.world.daemons:
            return
        self.world.down()
        self.say(f"making a world of {people:,} people")
        self.world = World(self.root, people, self.children)
        self.world.up()

    def token_file(self, role: str, region: str = HOME) -> Path:
        return self.world.directory / "world" / region / "tokens" / role

    def token(self, role: str) -> str:
        return self.token_file(role).read_text().strip()

    @property
    def corpus(self) -> Path:
        """Distinct codes over the whole population, some of them bad, with their outcomes.

        Beside it lie bodies that ask for codes (.handles), codes of the partner region (.foreign)
        and handles of people whose status may change (.spare).
        """
        file = self.world.directory / "corpus"
        if not file.exists():
            self.say(f"    making {self.plan.codes:,} codes through the issuer")
            partial = file.with_name("corpus-partial")
            arguments = ["--world-env", str(self.world.environment_file)]
            arguments += ["--count", str(self.plan.codes), "--people", str(self.world.people)]
            arguments += ["--forged", "1", "--expired", "1", "--killed", "1", "--out", str(partial)]
            self.generator.corpus(arguments, timeout=180)
            for suffix in (".handles", ".foreign", ".spare", ""):
                Path(f"{partial}{suffix}").rename(f"{file}{suffix}")
        return file

    @property
    def good_code(self) -> str:
        lines = self.corpus.read_text().splitlines()
        return next(line.split("\t")[0] for line in lines if line.endswith("\taccepted"))

    @property
    def answer(self) -> str:
        """What the verifier answers to a good code: the peers' answer, so that sizes are equal."""
        words = ["curl", "-sS", "--http2-prior-knowledge", "-H", "content-type: text/plain"]
        words += ["-H", f"authorization: Bearer {self.token('point')}"]
        words += ["--data-binary", self.good_code, f"{self.verifier.clear_url}/v1/scans"]
        return self.children.run(words, 10)[1]

    def beside_corpus(self, suffix: str) -> Path:
        return self.corpus.with_name(f"corpus.{suffix}")

    # What is sent

    @property
    def verifier(self) -> Daemon:
        return self.world("verifier")

    @property
    def issuer(self) -> Daemon:
        return self.world("issuer")

    def scans(self, form: str = "text", tls: bool = False) -> Request:
        """Scans of the corpus at the verifier, each compared with the outcome it must have."""
        is_batch = form.startswith("batch")
        kind = "application/json" if form == "json" else "text/plain"
        return Request(
            urls=(self.verifier.url if tls else self.verifier.clear_url,),
            path="/v1/scans/batch" if is_batch else "/v1/scans",
            headers=(f"content-type: {kind}",),
            bearer_file=self.token_file("point"),
            corpus=self.corpus,
            form=form,
            ca_file=self.world["CA_FILE"] if tls else "",
            options=("--abort-on-wrong",),
        )

    def scan_subject(
        self, form: str = "text", tls: bool = False, connections: int = 16, streams: int = 32
    ) -> LoadSubject:
        factor = int(form.partition("=")[2] or 1)
        name = f"scan-{form.replace('=', '-')}" + ("-tls" if tls else "")
        request = self.scans(form, tls)
        pids = [self.verifier.process_id]
        if factor > 1:
            connections, streams = 4, 4
        return LoadSubject(name, self.generator, request, pids, factor, connections, streams)

    def mix(self, name: str, classes: list[dict[str, Any]]) -> Request:
        """Several classes of requests; written to a file the generator reads."""
        file = self.world.directory / f"mix-{name}.json"
        file.write_text(json.dumps({"classes": classes}, indent=2))
        return Request(mix=file, ca_file=self.world["CA_FILE"])

    def headers(self, role: str, kind: str = "text/plain", **more: str) -> list[list[str]]:
        fields = {"content-type": kind, "authorization": f"Bearer {self.token(role)}", **more}
        return [[name.replace("_", "-"), value] for name, value in fields.items()]

    def pause(self, seconds: float) -> None:
        """Lets a run under way go on."""
        time.sleep(seconds)

    @staticmethod
    def reraise_if_void(error: Exception) -> None:
        """A wrong answer is no failure of one row: it voids the run."""
        if isinstance(error, WrongAnswer):
            raise error

    # What was found

    def peak(self, form: str = "text") -> float:
        """Requests a second at most: the best of three closed loops, measured once."""
        if form not in self._peaks:
            self.say(f"measuring the peak of {form} scans")
            self._peaks[form] = max(self.peak_now(form) for _ in range(3))
        return self._peaks[form]

    def peak_now(self, form: str = "text") -> float:
        """Requests a second at most, at this moment: machines that are shared change."""
        is_batch = form.startswith("batch")
        load = Load(
            self.plan.either(0.5, 2),
            self.plan.warm_up,
            connections=4 if is_batch else 16,
            streams=4 if is_batch else 32,
        )
        pids = [self.verifier.process_id]
        return self.generator.run(f"peak-{form}", self.scans(form), load, pids).per_second

    @property
    def region_pids(self) -> list[int]:
        """All processes that take part in a foreign scan and an issue."""
        services = ("verifier", "issuer", "relay")
        both = [self.world(one, region) for region in (HOME, PARTNER) for one in services]
        return [daemon.process_id for daemon in both]

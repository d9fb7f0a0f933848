"""The peers of bench/peers as subjects that are measured like ours: one at a time, on the server's
core."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator

from .loadgen import Request
from .measure import LoadSubject, Sample
from .processor import cpu_seconds
from .world import HOME, LOAD_CORE, SERVER_CORE, free_port

if TYPE_CHECKING:
    from .bench import Bench


@dataclass(frozen=True)
class Asked:
    """What is asked of which peer."""

    peer: str
    method: str = "POST"
    is_tls: bool = False
    does_the_job: bool = False


SERVERS = {
    "nghttpd-post": Asked("nghttpd"),
    "nghttpd-get": Asked("nghttpd", "GET"),
    "nghttpd-tls": Asked("nghttpd", is_tls=True),
    "nginx": Asked("nginx"),
    "nginx-tls": Asked("nginx", is_tls=True),
    "h2o": Asked("h2o", "GET"),
    "go-static": Asked("go"),
    "go-scan": Asked("go", does_the_job=True),
    "hummingbird": Asked("hummingbird", does_the_job=True),
}


def peers_of(subjects: set[str]) -> set[str]:
    """The programs behind names of SERVERS; any other name is a program's own."""
    return {SERVERS[name].peer if name in SERVERS else name for name in subjects}


@dataclass
class RedisSubject:
    """GET of random keys, as many as there are people, by redis-benchmark."""

    name: str
    redis: Any
    pipeline: int
    per_second: float = 0

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample:
        """The run before says how many requests fill the time; the first of all is short."""
        if not self.per_second:
            self.per_second = self.redis.rate(self.pipeline, LOAD_CORE, 3_000 * self.pipeline)
        requests = max(3_000, round(self.per_second * seconds))
        before = cpu_seconds(self.redis.pids()[0])
        self.per_second = self.redis.rate(self.pipeline, LOAD_CORE, requests)
        used = cpu_seconds(self.redis.pids()[0]) - before
        busy = used * self.per_second / requests
        return Sample(self.per_second, requests / used if used else None, busy)


@dataclass(frozen=True)
class LMDBSubject:
    """Statuses of random people read by a bare loop in C from the verifier's own cache."""

    name: str
    read: Callable[[float], float]

    def measure(self, label: str, seconds: float, warm_up: float) -> Sample:
        return Sample(self.read(seconds))


@dataclass
class Peers:
    """Installs, builds and starts what bench/peers/peers.py describes."""

    root: Path

    @cached_property
    def described(self) -> Any:
        file = self.root / "bench" / "peers" / "peers.py"
        specification = importlib.util.spec_from_file_location("peers", file)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    def prepare(self, subjects: set[str], say: Callable[[str], None]) -> None:
        """Installs and builds these; a peer that cannot be had fails in its own rows."""
        needed = peers_of(subjects)
        for kind in self.described.SERVERS:
            if kind.name not in needed:
                continue
            say(f"the peer {kind.name}: Debian packages {', '.join(kind.packages) or 'none'}")
            self._try(kind.name, lambda: self._make(kind), say)
        if "lmdb" in needed:
            say("the peer lmdb: Debian packages liblmdb-dev, gcc")
            self._try("lmdb", self.described.build_lmdb_loop, say)

    def _make(self, kind: Any) -> None:
        self.described.install(kind.packages)
        kind().build()

    @staticmethod
    def _try(name: str, action: Callable[[], None], say: Callable[[str], None]) -> None:
        try:
            action()
        except (RuntimeError, OSError) as error:
            say(f"    {name} cannot be had: {str(error)[-300:]}")

    def versions(self) -> dict[str, str]:
        found = {}
        for kind in self.described.SERVERS:
            try:
                found[kind.name] = kind().version()
            except (RuntimeError, OSError, AttributeError) as error:
                found[kind.name] = f"not here ({str(error)[:60]})"
        return found

    @contextmanager
    def _running(self, name: str, bench: Bench) -> Iterator[Any]:
        """The peer of that name, started, with our answer, our certificate and our keys."""
        peer = next(kind for kind in self.described.SERVERS if kind.name == name)()
        directory = bench.world.directory / "peers" / name
        directory.mkdir(parents=True, exist_ok=True)
        own = bench.world.directory / "world" / HOME / "verifier"
        self.described.prepare(str(directory), bench.answer.encode(), f"{own}.pem", f"{own}.key")
        peer.people = bench.world.people
        self._write_keys(bench, directory)
        peer.start(free_port(), free_port(), SERVER_CORE, str(directory))
        try:
            yield peer
        finally:
            peer.stop()

    def _write_keys(self, bench: Bench, directory: Path) -> None:
        """The epoch keys of this world for the peers that open codes."""
        program = self.root / "bench" / "peers" / "epoch_keys.py"
        cache = bench.world.directory / "world" / HOME / "cache"
        keys = directory / "epoch-keys.json"
        bench.children.run(["python3", str(program), str(cache), str(keys)], timeout=20)

    @contextmanager
    def subject(
        self, name: str, bench: Bench, connections: int = 16, streams: int = 32
    ) -> Iterator[LoadSubject]:
        asked = SERVERS[name]
        with self._running(asked.peer, bench) as peer:
            request = self._request(asked, peer, bench)
            yield LoadSubject(
                name,
                bench.generator,
                request,
                peer.pids(),
                connections=connections,
                streams=streams,
            )

    @staticmethod
    def _request(asked: Asked, peer: Any, bench: Bench) -> Request:
        """The same POST as ours; a GET where that is what is compared."""
        url = peer.urls()["tls" if asked.is_tls else "h2c"].removesuffix(peer.path)
        is_post = asked.method == "POST"
        return Request(
            urls=(url,),
            path=peer.scan_path if asked.does_the_job else peer.path,
            method=asked.method,
            headers=bench.scans().headers if is_post else (),
            corpus=bench.corpus if is_post else None,
            check="status",
            ca_file=bench.world["CA_FILE"] if asked.is_tls else "",
        )

    @contextmanager
    def redis(self, bench: Bench) -> Iterator[Callable[[int], RedisSubject]]:
        """A Redis with a key for each person; called with a depth of pipeline it is a subject."""
        with self._running("redis", bench) as redis:
            yield lambda pipeline: RedisSubject(f"redis-{pipeline}", redis, pipeline)

    def lmdb(self, bench: Bench) -> LMDBSubject:
        cache = str(bench.world.directory / "world" / HOME / "cache")

        def read(seconds: float) -> float:
            whole = max(1, round(seconds))
            rates = self.described.lmdb_rates(SERVER_CORE, cache, whole)
            return float(rates["reads_per_second"])

        return LMDBSubject("bare LMDB", read)

"""A CityCode to measure: the demo's world of two regions, made and ended by this run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .children import Children, end, pin

SERVER_CORE = 0
LOAD_CORE = 1
HOME = "310000"
PARTNER = "330000"
SERVICES = ("verifier", "relay", "issuer")
# One loop, as there is one core; and a second verifier may come to the same address.
EVERYWHERE = {"loops": "1", "share_port": "true"}


def read_environment(file: Path) -> dict[str, str]:
    """The variables of a file of `export NAME='value'` lines."""
    return dict(re.findall(r"^export (\w+)='([^']*)'$", file.read_text(), re.MULTILINE))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Daemon:
    """One service process: its configuration, its addresses, and its process."""

    service: str
    configuration: Path
    process_id: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        return dict(json.loads(self.configuration.read_text()))

    @property
    def clear_url(self) -> str:
        return f"http://{self.settings['listen_h2c']}"

    @property
    def url(self) -> str:
        return f"https://{self.settings['listen']}"

    def is_ready(self) -> bool:
        url = f"http://{self.settings['admin_listen']}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class World:
    """Two regions with issuer, verifier and relay each, all on the server's core."""

    def __init__(self, root: Path, people: int, children: Children) -> None:
        self.root = root
        self.people = people
        self.children = children
        self.directory = root / ".bench" / f"world-{people}"
        self.variables: dict[str, str] = {}
        self.daemons: dict[str, Daemon] = {}
        self.extra: list[Daemon] = []

    @property
    def environment_file(self) -> Path:
        return self.directory / "env"

    def __getitem__(self, name: str) -> str:
        return self.variables[name]

    def program(self, name: str) -> str:
        return str(self.root / ".build" / "release" / name)

    def __call__(self, service: str, region: str = HOME) -> Daemon:
        return self.daemons[f"{region}-{service}"]

    # Life

    def up(self) -> None:
        """Makes the world, its people and keys; every service has one loop, as it has one core."""
        self.down()
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = {
            f"CITYCODE_{service.upper()}_{key.upper()}": value
            for service in SERVICES
            for key, value in EVERYWHERE.items()
        }
        self.children.run(
            [self.program("demo"), "up", "--people", str(self.people)]
            + ["--directory", str(self.directory)],
            timeout=900,
            environment=settings,
        )
        self.variables = read_environment(self.environment_file)
        for file in sorted((self.directory / "world" / "pids").iterdir()):
            region, _, service = file.name.rpartition("-")
            configuration = self.directory / "world" / region / f"{service}.json"
            self.daemons[file.name] = Daemon(service, configuration, int(file.read_text()))
        for daemon in self.daemons.values():
            pin(daemon.process_id, SERVER_CORE)

    def down(self) -> None:
        """Ends the world and removes its files; also one that an earlier run left behind."""
        for daemon in [*self.extra, *self.daemons.values()]:
            if daemon.process is not None:
                end(daemon.process)
        if (self.directory / "world").exists():
            self.children.run(
                [self.program("demo"), "down", "--directory", str(self.directory)], timeout=120
            )
        self.extra, self.daemons = [], {}
        shutil.rmtree(self.directory, ignore_errors=True)

    # Single processes

    def start(self, daemon: Daemon, **settings: str) -> float:
        """Starts a service; seconds from the start until /readyz answers 200.

        Of `settings` those count that the service knows.
        """
        log = self.directory / f"{daemon.service}-again.log"
        known = self._settings_of(daemon.service) if settings else ""
        chosen = {key: value for key, value in settings.items() if f'"{key}"' in known}
        environment = {
            f"CITYCODE_{daemon.service.upper()}_{key.upper()}": value
            for key, value in {**EVERYWHERE, **chosen}.items()
        }
        started = time.monotonic()
        daemon.process = self.children.start(
            ["taskset", "-c", str(SERVER_CORE), self.program(daemon.service)]
            + ["serve", "--config", str(daemon.configuration)],
            log,
            environment,
        )
        daemon.process_id = daemon.process.pid
        while not daemon.is_ready():
            if daemon.process.poll() is not None:
                raise RuntimeError(f"{daemon.service} ended at its start, see {log}")
            if time.monotonic() > started + 120:
                raise RuntimeError(f"{daemon.service} was not ready after 120 s, see {log}")
            time.sleep(0.001)
        return time.monotonic() - started

    def stop(self, daemon: Daemon) -> None:
        """Sends SIGTERM and waits for the end."""
        os.kill(daemon.process_id, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while is_running(daemon):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{daemon.service} did not end within 20 s of SIGTERM")
            time.sleep(0.002)

    def restart(self, daemon: Daemon, **settings: str) -> float:
        self.stop(daemon)
        return self.start(daemon, **settings)

    def _settings_of(self, service: str) -> str:
        """All keys the service has, as it prints them."""
        return self.children.run([self.program(service), "serve", "--print-config"], 10)[1]

    def add_verifier_beside(self, first: Daemon) -> Daemon:
        """One more verifier on the same host and on the addresses of `first`."""
        keys = ("listen", "listen_h2c")
        return self._add("verifier", "verifier-2", {key: first.settings[key] for key in keys})

    def add_host(self) -> Daemon:
        """A second host of the region: a relay that follows the issuer's feed into a cache of
        its own, and a verifier beside it."""
        folder = self.directory / "host-2"
        relay = {
            "cache_directory": str(folder / "cache"),
            "follow_url": self("issuer").url,
            "partners": "",
        }
        verifier = {"cache_directory": str(folder / "cache"), "partners": "", "relay_url": ""}
        (folder / "cache").mkdir(parents=True, exist_ok=True)
        self._add("relay", "host-2/relay", relay)
        return self._add("verifier", "host-2/verifier", verifier)

    def _add(self, service: str, name: str, changes: dict[str, str]) -> Daemon:
        settings = self(service).settings
        for key in ("listen", "listen_h2c", "admin_listen"):
            settings[key] = f"127.0.0.1:{free_port()}"
        if service == "verifier":
            settings["journal_directory"] = str(self.directory / f"{name}-journal")
        configuration = self.directory / f"{name}.json"
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(json.dumps({**settings, **changes}, indent=2))
        daemon = Daemon(service, configuration, 0)
        self.extra.append(daemon)
        self.start(daemon)
        return daemon

    def remove_extra(self) -> None:
        for daemon in reversed(self.extra):
            if daemon.process is not None:
                end(daemon.process)
        self.extra = []


def is_running(daemon: Daemon) -> bool:
    if daemon.process is not None:
        return daemon.process.poll() is None
    try:
        status = Path(f"/proc/{daemon.process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"

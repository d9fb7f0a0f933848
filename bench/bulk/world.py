"""What a run works on: an issuer's directory with people registered, and folders of records."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Callable

from . import measured

Say = Callable[[str], None]


class World:
    """Everything below one directory; made when it is not there yet."""

    def __init__(self, directory: Path, issuer: Path, plan: Path, people: int, say: Say) -> None:
        self.directory = directory
        self.issuer = issuer
        self.plan = plan
        self.people = people
        self.say = say
        self.log = directory / "bulk.log"
        self.config = directory / "issuer.json"

    @property
    def people_file(self) -> Path:
        return self.directory / "people.csv"

    @property
    def registry(self) -> Path:
        return self.directory / "data" / "data.mdb"

    def records(self, count: int) -> Path:
        return self.directory / f"records-{count}"

    def make(self) -> None:
        """Registers the people, unless an earlier run has."""
        done = self.directory / "people"
        if done.exists() and done.read_text() == str(self.people):
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        keys = self.directory / "keys"
        self._run("keys", "--directory", str(keys))
        settings = {
            "region": "310000",
            "region_secret_file": str(keys / "region-secret"),
            "pepper_file": str(keys / "pepper"),
            "sealer_key_file": str(keys / "sealer.pem"),
            "data_directory": str(self.directory / "data"),
            "cache_directory": str(self.directory / "cache"),
        }
        self.config.write_text(json.dumps(settings, indent=2))
        self.say(f"registering {self.people:,} people")
        with self.people_file.open("wb") as file:
            subprocess.run(
                [self.issuer, "sample", "--people", str(self.people)], stdout=file, check=True
            )
        rejects = str(self.directory / "load-rejects.csv")
        cost, _ = self._run(
            "load", str(self.people_file), "--config", str(self.config), "--rejects", rejects
        )
        self.say(f"  in {cost.seconds:.0f} s")
        done.write_text(str(self.people))

    def make_records(self, count: int) -> Path:
        """Writes the records, unless they are there; returns their folder."""
        folder = self.records(count)
        done = folder / "done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            self.say(f"writing {count:,} records")
            cost, text = self._run(
                "sample-records",
                *("--records", str(count), "--people", str(self.people), "--out", str(folder)),
            )
            done.write_text(text)
            self.say(f"  {size(folder) / 1e9:.2f} GB in {cost.seconds:.0f} s")
        return folder

    def compute(self, records: Path, threads: int) -> tuple[measured.Cost, str]:
        """Rows to a generation that is not in force yet; its cost and number."""
        cost, text = self._run(
            "compute",
            *("--plan", str(self.plan), "--records", str(records), "--config", str(self.config)),
            *("--threads", str(threads), "--rejects", str(self.directory / "rejects.csv")),
        )
        number = next(
            (line.split()[1] for line in text.splitlines() if line.startswith("generation ")), ""
        )
        if not number:
            raise measured.Failed(f"issuer compute named no generation: {text[-300:]}")
        with self.log.open("a") as log:
            log.write(text)
        return cost, number

    def activate(self, number: str) -> measured.Cost:
        cost, _ = self._run("activate", number, "--accept-rejects", "--config", str(self.config))
        return cost

    def export(self, number: str) -> Path:
        file = self.directory / "colours.csv"
        self._run(
            "generations", "export", number, "--out", str(file), "--config", str(self.config)
        )
        return file

    def _run(self, *arguments: str) -> tuple[measured.Cost, str]:
        return measured.run([str(self.issuer), *arguments], self.log)


def size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def read_through(files: list[Path]) -> None:
    """Has the kernel hold the files where memory allows, so that nobody measures the disk."""
    for file in files:
        with file.open("rb", buffering=0) as source:
            while source.read(1 << 22):
                pass

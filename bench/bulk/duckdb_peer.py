"""DuckDB in an environment of its own, from PyPI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import measured

VERSION = "2.0.1"


class DuckDB:
    """Each script runs in a process of its own, so that its memory is its own."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.environment = directory / "duckdb"
        self.temporary = directory / "duckdb-temporary"
        self.log = log
        self._python = self.environment / "bin" / "python"

    def prepare(self) -> None:
        if not self._python.exists():
            subprocess.run([sys.executable, "-m", "venv", self.environment], check=True)
        pip = [self._python, "-m", "pip", "install", "--quiet", f"duckdb=={VERSION}"]
        subprocess.run(pip, check=True)

    def run(self, statements: list[str], threads: int) -> tuple[measured.Cost, dict[str, Any]]:
        """What the statements cost, and `seconds` and the last one's first `row`."""
        script = Path(__file__).with_name("duck.py")
        command = [str(self._python), str(script), str(threads), str(self.temporary)]
        cost, output = measured.run(command, self.log, given="\n--;\n".join(statements))
        return cost, json.loads(output.splitlines()[-1])
